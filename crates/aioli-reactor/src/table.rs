//! The table of a reactor's sources by token.

use std::sync::Arc;

use crate::source::Source;

/// Half of a token's bits number its cell, the other half count the cell's users, so that an
/// event for a source that is gone does not reach the next one in its cell.
const CELL_BITS: u32 = usize::BITS / 2;
const CELL_MASK: usize = (1 << CELL_BITS) - 1;
/// The two highest bits are never set, so that a driver can tell tokens from keys of its own.
const TOKEN_MASK: usize = usize::MAX >> 2;

/// Sources in numbered cells, which are used again.
#[derive(Debug, Default)]
pub(crate) struct Table {
    cells: Vec<Cell>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Cell {
    /// The token of the source in this cell, or of the next one.
    token: usize,
    source: Option<Arc<Source>>,
}

impl Table {
    pub(crate) fn insert(&mut self, make: impl FnOnce(usize) -> Arc<Source>) -> Arc<Source> {
        let index = self.free.pop().unwrap_or_else(|| {
            let index = self.cells.len();
            assert!(
                index <= CELL_MASK,
                "no more sources than cells have numbers"
            );
            self.cells.push(Cell {
                token: index,
                source: None,
            });
            index
        });
        let cell = &mut self.cells[index];
        debug_assert!(cell.source.is_none());
        let source = make(cell.token);
        cell.source = Some(source.clone());
        source
    }

    pub(crate) fn get(&self, token: usize) -> Option<&Arc<Source>> {
        let cell = self.cells.get(token & CELL_MASK)?;
        cell.source.as_ref().filter(|source| source.token == token)
    }

    pub(crate) fn remove(&mut self, token: usize) {
        let index = token & CELL_MASK;
        let Some(cell) = self.cells.get_mut(index) else {
            return;
        };
        if cell.token == token && cell.source.take().is_some() {
            cell.token = token.wrapping_add(1 << CELL_BITS) & TOKEN_MASK;
            self.free.push(index);
        }
    }

    pub(crate) fn into_sources(self) -> impl Iterator<Item = Arc<Source>> {
        self.cells.into_iter().filter_map(|cell| cell.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(token: usize) -> Arc<Source> {
        Arc::new(Source::new(7, token))
    }

    #[test]
    fn a_token_is_not_used_twice_in_a_row() {
        let mut table = Table::default();
        let first = table.insert(source).token;
        table.remove(first);
        let second = table.insert(source).token;
        assert_ne!(first, second);
        assert!(table.get(first).is_none());
        assert_eq!(table.get(second).unwrap().token, second);
        table.remove(first);
        assert!(table.get(second).is_some(), "a stale removal does nothing");
    }

    #[test]
    fn the_highest_bits_of_a_token_stay_clear() {
        let mut table = Table::default();
        let token = table.insert(source).token;
        table.remove(token);
        // The last user before the count begins anew.
        table.cells[0].token = TOKEN_MASK & !CELL_MASK;
        let last = table.insert(source).token;
        table.remove(last);
        assert_eq!(table.insert(source).token, 0);
    }

    #[test]
    fn cells_are_used_again() {
        let mut table = Table::default();
        for _ in 0..1000 {
            let token = table.insert(source).token;
            table.remove(token);
        }
        assert_eq!(table.cells.len(), 1);
    }
}
