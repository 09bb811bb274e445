//! Values under small numbers, which stay the same while a value is there.

/// A slab; a key is good until its value is taken out.
#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Option<usize>,
    len: usize,
}

#[derive(Debug)]
enum Place<T> {
    Taken(T),
    /// The next free place.
    Free(Option<usize>),
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab {
            places: Vec::new(),
            free: None,
            len: 0,
        }
    }
}

impl<T> Slab<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, value: T) -> usize {
        self.len += 1;
        let Some(key) = self.free else {
            self.places.push(Place::Taken(value));
            return self.places.len() - 1;
        };
        let place = std::mem::replace(&mut self.places[key], Place::Taken(value));
        if let Place::Free(next) = place {
            self.free = next;
        }
        key
    }

    pub(super) fn remove(&mut self, key: usize) -> T {
        let place = std::mem::replace(&mut self.places[key], Place::Free(self.free));
        let Place::Taken(value) = place else {
            unreachable!("a key is good until its value is taken out");
        };
        self.free = Some(key);
        self.len -= 1;
        if self.len == 0 {
            // What a rush needed is not kept for ever.
            self.places.clear();
            self.places.shrink_to(64);
            self.free = None;
        }
        value
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(|place| match place {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        })
    }
}

impl<T> std::ops::Index<usize> for Slab<T> {
    type Output = T;

    fn index(&self, key: usize) -> &T {
        match &self.places[key] {
            Place::Taken(value) => value,
            Place::Free(_) => unreachable!("a key is good until its value is taken out"),
        }
    }
}

impl<T> std::ops::IndexMut<usize> for Slab<T> {
    fn index_mut(&mut self, key: usize) -> &mut T {
        match &mut self.places[key] {
            Place::Taken(value) => value,
            Place::Free(_) => unreachable!("a key is good until its value is taken out"),
        }
    }
}
