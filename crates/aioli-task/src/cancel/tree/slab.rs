//! Where the entries of a tree live: a vector of slots, of which vacant ones are used again.
//!
//! A slot is named inside the tree by its [`Index`], and outside of it by a [`Key`], which also
//! holds the serial number of what is in the slot. Serial numbers are counted by the tree and
//! never given twice (but for the root's), so a key that outlives its entry finds nothing, however
//! often the slot has been used since, and whether or not the vector has shrunk in between.
//!
//! ```text
//!              insert            (1) remove
//!   vacant ───────────▶ live ───────────────▶ vacant
//!                        │                      ▲
//!                        └─(2) take─▶ moved ────┘ (3) the owner follows the mark
//! ```
//!
//! 1. The handler leaves.
//! 2. The entry went to another tree together with one above it, and its owner does not know
//!    yet: the slot holds a mark that says where to.
//! 3. There is one owner of a slot, and it alone clears the mark. Others may look at it.

use std::num::NonZeroU32;

use super::Address;
use super::entry::Entry;

/// A slot of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Index(NonZeroU32);

impl Index {
    pub(super) const ROOT: Index = Index(NonZeroU32::MIN);

    fn new(at: usize) -> Index {
        let number = u32::try_from(at + 1).ok().and_then(NonZeroU32::new);
        Index(number.expect("a tree has less than four billion handlers"))
    }

    #[inline]
    fn get(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Names a handler in its tree, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) index: Index,
    pub(super) serial: u64,
}

impl Key {
    /// A number that no other entry of the tree has or will have.
    #[inline]
    pub(crate) fn serial(self) -> u64 {
        self.serial
    }

    /// The first entry of a tree, whichever of its roots it is.
    pub(super) const ROOT: Key = Key {
        index: Index::ROOT,
        serial: 0,
    };
}

#[derive(Debug)]
struct Slot {
    content: Content,
    /// Blank, with the serial number of its last use, unless the slot is live. It stays in the
    /// slot so that linking and leaving write only what differs.
    entry: Entry,
}

#[derive(Debug)]
enum Content {
    Live,
    /// With the next vacant one.
    Vacant(Option<Index>),
    Moved(Box<Address>),
}

/// What a key leads to.
pub(super) enum Found<'a> {
    Live(&'a mut Entry),
    Moved(&'a Address),
    Gone,
}

/// A slab of at most so many slots is kept when it is empty.
const KEPT: usize = 32;

#[derive(Debug)]
pub(super) struct Slab {
    slots: Vec<Slot>,
    vacant: Option<Index>,
    n_used: usize,
    next_serial: u64,
}

impl Default for Slab {
    fn default() -> Slab {
        Slab {
            slots: Vec::new(),
            vacant: None,
            n_used: 0,
            next_serial: Key::ROOT.serial + 1,
        }
    }
}

impl Slab {
    /// The entry in a slot that is known to be live.
    #[inline]
    pub(super) fn entry(&mut self, at: Index) -> &mut Entry {
        &mut self.slots[at.get()].entry
    }

    #[inline]
    pub(super) fn find(&mut self, key: Key) -> Found<'_> {
        let Some(slot) = self.slots.get_mut(key.index.get()) else {
            return Found::Gone;
        };
        match &slot.content {
            _ if slot.entry.serial != key.serial => Found::Gone,
            Content::Live => Found::Live(&mut slot.entry),
            Content::Moved(to) => Found::Moved(to),
            Content::Vacant(_) => Found::Gone,
        }
    }

    /// The slot of a key whose entry is live.
    #[inline]
    pub(super) fn live(&mut self, key: Key) -> Option<Index> {
        match self.find(key) {
            Found::Live(_) => Some(key.index),
            _ => None,
        }
    }

    /// Makes a slot live, with an entry that is blank but for its serial number.
    #[inline]
    pub(super) fn claim(&mut self) -> (Key, &mut Entry) {
        let index = match self.vacant {
            Some(index) => index,
            None => self.grow(),
        };
        let slot = &mut self.slots[index.get()];
        if let Content::Vacant(next) = slot.content {
            self.vacant = next;
        }
        slot.content = Content::Live;
        let serial = self.next_serial;
        self.next_serial += 1;
        self.n_used += 1;
        slot.entry.serial = serial;
        (Key { index, serial }, &mut slot.entry)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.n_used == 0
    }

    /// The same for the first entry of all. Its key is that of every root: when there is another
    /// one, nobody refers to the tree who could have known this one.
    pub(super) fn claim_root(&mut self) -> (Key, &mut Entry) {
        debug_assert!(self.is_empty(), "a tree has one root");
        let (key, entry) = self.claim();
        debug_assert_eq!(key.index, Index::ROOT, "the root is the first entry");
        entry.serial = Key::ROOT.serial;
        (Key::ROOT, entry)
    }

    /// Makes the slab ready for another root; returns how many slots there is room for. `None`: an
    /// entry is left.
    pub(super) fn renew(&mut self) -> Option<usize> {
        if !self.is_empty() {
            return None;
        }
        // The root mostly leaves last, and its slot is the next one then.
        if self.vacant != Some(Index::ROOT) {
            self.chain();
        }
        Some(self.slots.capacity())
    }

    #[cold]
    fn grow(&mut self) -> Index {
        self.slots.push(Slot {
            content: Content::Vacant(None),
            entry: Entry::default(),
        });
        Index::new(self.slots.len() - 1)
    }

    /// Takes an entry out and leaves a blank one, whose slot is still in use.
    pub(super) fn take(&mut self, at: Index) -> Entry {
        let entry = self.entry(at);
        let serial = entry.serial;
        let taken = std::mem::take(entry);
        entry.serial = serial;
        taken
    }

    /// Leaves a mark where an entry has been taken out.
    pub(super) fn mark(&mut self, at: Index, to: Address) {
        self.slots[at.get()].content = Content::Moved(Box::new(to));
    }

    /// Transition 3: where the entry has gone, if it has. The slot is vacant then.
    #[inline]
    pub(super) fn follow(&mut self, key: Key) -> Option<Address> {
        match self.slots[key.index.get()].content {
            Content::Live => None,
            _ => self.follow_mark(key),
        }
    }

    #[cold]
    fn follow_mark(&mut self, key: Key) -> Option<Address> {
        let Found::Moved(to) = self.find(key) else {
            return None;
        };
        let to = to.clone();
        self.free(key.index);
        Some(to)
    }

    /// Makes a slot vacant whose entry is blank. What a burst of handlers needed is given back when
    /// they are gone.
    #[inline]
    pub(super) fn free(&mut self, at: Index) {
        self.slots[at.get()].content = Content::Vacant(self.vacant);
        self.vacant = Some(at);
        self.n_used -= 1;
        if self.n_used <= 1 && self.slots.len() > KEPT {
            self.shrink();
        }
    }

    /// Drops the vacant slots at the end, unless there are few.
    #[cold]
    fn shrink(&mut self) {
        let is_used = |slot: &Slot| !matches!(slot.content, Content::Vacant(_));
        let used = self.slots.iter().rposition(is_used).map_or(0, |at| at + 1);
        if used * 2 > self.slots.len() {
            return;
        }
        self.slots.truncate(used);
        self.slots.shrink_to(KEPT);
        self.chain();
    }

    /// Makes a new list of the vacant slots, the first one first.
    #[cold]
    fn chain(&mut self) {
        self.vacant = None;
        for at in (0..self.slots.len()).rev() {
            if let Content::Vacant(next) = &mut self.slots[at].content {
                *next = self.vacant;
                self.vacant = Some(Index::new(at));
            }
        }
    }
}
