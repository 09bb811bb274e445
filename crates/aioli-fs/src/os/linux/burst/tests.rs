//! Lines without an opener at work, and what becomes of a request.

use super::*;
use crate::TempDir;
use futures::executor::block_on;
use proptest::prelude::*;
use std::path::Path;

type Answered = oneshot::Receiver<Result<()>>;

fn request(path: &Path) -> (Request, Answered) {
    let (answer, answered) = oneshot::channel();
    let request = Request {
        name: Name::new(path),
        data: b"text".to_vec(),
        answer,
        hold: None,
    };
    (request, answered)
}

fn numbered(n: usize) -> Request {
    request(Path::new(&n.to_string())).0
}

fn number(request: &Request) -> usize {
    request.name.as_path().to_str().unwrap().parse().unwrap()
}

const NONE: Lines = Lines {
    of: BTreeMap::new(),
    n_alone: 0,
    n_handed_over: 0,
};

#[derive(Debug, Clone)]
enum Step {
    Add(u8),
    Take(u8),
    GiveUp(u8),
    Stick(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..600_u16, 0..3_u8).prop_map(|(step, folder)| match step {
        0..450 => Step::Add(folder),
        450..570 => Step::Take(folder),
        570..599 => Step::Stick(folder),
        _ => Step::GiveUp(folder),
    });
    prop::collection::vec(step, 0..1000)
}

proptest! {
    /// A model of each folder: nothing, or an opener that is at work or stuck, and who waits for it.
    #[test]
    fn each_request_leaves_its_line_once_and_in_order(steps in steps()) {
        let now = Instant::now();
        let mut lines = NONE;
        let mut n_alone = 0;
        let mut model: [Option<(VecDeque<usize>, bool)>; 3] = [const { None }; 3];
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Add(folder) => {
                    let to = lines.add(&[folder], numbered(n), now);
                    match (&mut model[usize::from(folder)], to) {
                        (place @ None, To::Opener) if n_alone == 0 => *place = Some((VecDeque::from([n]), false)),
                        (Some((waiting, false)), To::Line) if n_alone == 0 => waiting.push_back(n),
                        (_, To::Pool(alone)) if n_alone > 0 => {
                            prop_assert_eq!(alone.iter().map(number).collect::<Vec<_>>(), [n]);
                            n_alone -= 1;
                        }
                        (Some((waiting, true)), To::Pool(all)) => {
                            waiting.push_back(n);
                            let all: VecDeque<_> = all.iter().map(number).collect();
                            prop_assert_eq!(std::mem::take(waiting), all);
                        }
                        (model, _) => prop_assert!(false, "{:?} took it otherwise", model),
                    }
                }
                Step::Take(folder) => {
                    let group = lines.take_group(&[folder], now);
                    let place = &mut model[usize::from(folder)];
                    let Some((waiting, is_stuck)) = place else {
                        prop_assert!(group.is_none());
                        continue;
                    };
                    if waiting.is_empty() {
                        prop_assert!(group.is_none(), "the line ends with the last request");
                        *place = None;
                        continue;
                    }
                    let group: Vec<_> = group.unwrap().iter().map(number).collect();
                    prop_assert!(!group.is_empty() && group.len() <= GROUP_MAX);
                    prop_assert!(group.len() <= waiting.len().div_ceil(GROUP_PART));
                    prop_assert_eq!(&group, &waiting.drain(..group.len()).collect::<Vec<_>>());
                    *is_stuck = false;
                }
                Step::GiveUp(folder) => {
                    let all: VecDeque<_> = lines.give_up(&[folder]).iter().map(number).collect();
                    let waiting = model[usize::from(folder)].as_mut().map(|(waiting, _)| waiting);
                    prop_assert_eq!(all, waiting.map(std::mem::take).unwrap_or_default());
                    n_alone = ALONE;
                }
                Step::Stick(folder) => {
                    if let Some((_, is_stuck)) = &mut model[usize::from(folder)] {
                        *is_stuck = true;
                        let line = lines.of.get_mut(&[folder][..]).unwrap();
                        line.since = now.checked_sub(STUCK).unwrap();
                    }
                }
            }
        }
    }
}

#[test]
fn what_nobody_waits_for_is_not_opened() {
    let dir = block_on(TempDir::new()).unwrap();
    let path = dir.path().join("a");
    let (unwanted, answered) = request(&path);
    drop(answered);
    assert!(unwanted.open().is_none());
    let (unwanted, answered) = request(&path);
    drop(answered);
    unwanted.write_alone();
    assert!(!path.exists());
}

#[test]
fn what_was_opened_is_written_whoever_waits() {
    let dir = block_on(TempDir::new()).unwrap();
    let path = dir.path().join("a");
    let (wanted, answered) = request(&path);
    let opened = wanted.open().unwrap();
    drop(answered);
    assert_eq!(std::fs::read(&path).unwrap(), b"");
    write_group(vec![opened]);
    assert_eq!(std::fs::read(&path).unwrap(), b"text");
}

#[test]
fn a_group_is_told_each_files_own_end() {
    let dir = block_on(TempDir::new()).unwrap();
    let good = dir.path().join("good");
    let (wanted, answered) = request(&good);
    let (refused, refusal) = request(Path::new("/dev/full"));
    let group = [wanted, refused].map(|request| request.open().unwrap());
    write_group(group.into());
    block_on(async {
        answered.await.unwrap().unwrap();
        let error = refusal.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let path = error.path().map(Path::to_path_buf);
        assert_eq!(
            (error.operation(), path),
            ("write", Some("/dev/full".into()))
        );
    });
    assert_eq!(std::fs::read(&good).unwrap(), b"text");
}

#[test]
fn as_many_groups_are_handed_over_as_are_bounded() {
    // Only this test takes any: the others' bursts are smaller.
    assert!(HandedOver::new(HAND_OVER - 1).is_none());
    let all: Vec<_> = std::iter::from_fn(|| HandedOver::new(HAND_OVER)).collect();
    assert_eq!(all.len(), HANDED_OVER_MAX);
    drop(all);
    assert!(HandedOver::new(HAND_OVER).is_some());
}

#[test]
fn a_burst_is_of_small_files() {
    let of = |path: &str, len| {
        let burst = Burst::of(&Name::new(Path::new(path)), &vec![0; len]);
        burst.map(|burst| String::from_utf8(burst.folder).unwrap())
    };
    assert_eq!(of("a/b", 0).as_deref(), Some("a"));
    assert_eq!(of("b", WHOLE_MAX).as_deref(), Some("."));
    assert_eq!(of("a/b", WHOLE_MAX + 1), None);
    assert_eq!(of("a/", 1), None);
}

#[test]
fn who_waits_behind_a_stuck_opener_is_freed_by_the_next() {
    let dir = block_on(TempDir::new()).unwrap();
    let place = |name: &str| dir.path().join(name);
    let name = |name: &str| Name::new(&place(name));
    let begin = |file: &str| {
        let burst = Burst::of(&name(file), b"text").unwrap();
        let folder = burst.folder.clone();
        (burst.write(name(file), b"text".to_vec()), folder)
    };
    // An opener that has taken its first request out and does not come back.
    let (request, _) = request(&place("taken"));
    let folder = Burst::of(&request.name, b"").unwrap().folder;
    let is_new = matches!(lines().add(&folder, request, Instant::now()), To::Opener);
    assert!(is_new);
    let taken = lines().take_group(&folder, Instant::now()).unwrap();
    assert_eq!(taken.len(), 1);
    let ((first, same), (second, _)) = (begin("first"), begin("second"));
    assert_eq!(same, folder);
    let n_waiting = || lines().of.get(&folder).map(|line| line.waiting.len());
    if n_waiting() == Some(2) {
        let long_ago = Instant::now().checked_sub(STUCK).unwrap();
        lines().of.get_mut(&folder).unwrap().since = long_ago;
    }
    let (third, _) = begin("third");
    assert_eq!(n_waiting(), Some(0));
    block_on(async {
        for written in [first.await, second.await, third.await] {
            written.unwrap();
        }
    });
    for file in ["first", "second", "third"] {
        assert_eq!(std::fs::read(place(file)).unwrap(), b"text");
    }
    assert!(!place("taken").exists());
    // The opener comes back after all.
    assert!(lines().take_group(&folder, Instant::now()).is_none());
    assert_eq!(n_waiting(), None);
}
