//! Guards of parts of a locked value.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use vitte_rt::block_on;
use vitte_rt::sync::{
    MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard,
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};

type Value = (u8, Vec<u8>);

fn value() -> Value {
    (0, vec![1, 2])
}

#[test]
fn part_of_a_mutex_keeps_it_locked_and_unlocks_it_once() {
    let mutex = Arc::new(Mutex::new(value()));
    let list = MutexGuard::map(mutex.try_lock().unwrap(), |value| &mut value.1);
    let list = MappedMutexGuard::try_map(list, |list| list.get_mut(7)).unwrap_err();
    let mut last = MappedMutexGuard::map(list, |list| &mut list[1]);
    *last += 1;
    assert!(mutex.try_lock().is_err());
    drop(last);
    let guard = mutex.clone().try_lock_owned().unwrap();
    let guard = OwnedMutexGuard::try_map(guard, |_| None::<&mut u8>).unwrap_err();
    let list = OwnedMutexGuard::map(guard, |value| &mut value.1);
    let mut last = OwnedMappedMutexGuard::try_map(list, |list| list.last_mut()).unwrap();
    *last += 1;
    assert!(mutex.try_lock().is_err());
    drop(last);
    // A second permit would let two in.
    let held = mutex.try_lock().unwrap();
    assert!(mutex.try_lock().is_err());
    assert_eq!((held.1[1], Arc::strong_count(&mutex)), (4, 1));
}

#[test]
fn part_of_an_rwlock_keeps_it_locked_as_it_was() {
    let lock = Arc::new(RwLock::new(value()));
    let free = || lock.try_write().is_ok();
    let list = RwLockReadGuard::map(lock.try_read().unwrap(), |value| &value.1);
    let first = RwLockReadGuard::try_map(list, |list| list.first()).unwrap();
    let other = lock.try_read().expect("beside a reader");
    assert_eq!((*first, other.0, free()), (1, 0, false));
    drop((first, other));
    assert!(free());

    let first = OwnedRwLockReadGuard::map(lock.clone().try_read_owned().unwrap(), |v| &v.0);
    let first = OwnedRwLockReadGuard::try_map(first, |_| None::<&u8>).unwrap_err();
    assert_eq!((*first, free()), (0, false));
    drop(first);
    assert!(free());

    let list = RwLockWriteGuard::map(lock.try_write().unwrap(), |value| &mut value.1);
    let mut list = RwLockMappedWriteGuard::try_map(list, |list| list.get_mut(..)).unwrap();
    list[0] = 9;
    assert!(lock.try_read().is_err());
    drop(list);
    assert!(free());

    let list = OwnedRwLockWriteGuard::map(lock.clone().try_write_owned().unwrap(), |v| &mut v.1);
    let mut first = OwnedRwLockMappedWriteGuard::map(list, |list| &mut list[0]);
    *first += 1;
    assert!(lock.try_read().is_err());
    drop(first);
    assert!(free());
    assert_eq!((lock.try_read().unwrap().1[0], Arc::strong_count(&lock)), (10, 1));
}

#[test]
fn writer_that_goes_on_as_a_reader_lets_readers_in_and_no_writer() {
    let lock = Arc::new(RwLock::new(value()));
    let reader = OwnedRwLockWriteGuard::downgrade(lock.clone().try_write_owned().unwrap());
    assert!(lock.try_write().is_err());
    let part = OwnedRwLockReadGuard::map(reader, |value| &value.0);
    drop((lock.try_read().expect("beside a reader"), part));
    assert!(lock.try_write().is_ok());
    assert_eq!(Arc::strong_count(&lock), 1);
}

#[test]
fn a_panic_in_the_choice_of_the_part_unlocks() {
    let (mutex, lock) = (Mutex::new(value()), Arc::new(RwLock::new(value())));
    let panics = |body: &dyn Fn()| assert!(catch_unwind(AssertUnwindSafe(body)).is_err());
    panics(&|| drop(MutexGuard::map(mutex.try_lock().unwrap(), |v| &mut v.1[5])));
    panics(&|| drop(RwLockReadGuard::map(lock.try_read().unwrap(), |v| &v.1[5])));
    let owned = || lock.clone().try_write_owned().unwrap();
    panics(&|| drop(OwnedRwLockWriteGuard::map(owned(), |v| &mut v.1[5])));
    assert!(mutex.try_lock().is_ok() && lock.try_write().is_ok());
}

#[test]
fn parts_go_to_other_threads_and_wake_who_waits() {
    block_on(async {
        let mutex = Arc::new(Mutex::new(value()));
        let part = OwnedMutexGuard::map(mutex.clone().lock_owned().await, |value| &mut value.0);
        let waits = vitte_rt::spawn({
            let mutex = mutex.clone();
            async move { mutex.lock().await.0 }
        });
        vitte_rt::task::yield_now().await;
        let thread = std::thread::spawn(move || {
            let mut part = part;
            *part = 7;
        });
        assert_eq!(waits.await.unwrap(), 7);
        thread.join().unwrap();
        assert_eq!(mutex.clone().lock_owned().await.0, 7);
    });
    let mutex = Arc::new(Mutex::new(1));
    assert_eq!(*mutex.clone().blocking_lock_owned(), 1);
    assert_eq!(*mutex.blocking_lock(), 1);
}

/// What waits for permits lies in the frame of the task that awaits it: one node of a list and little more.
#[cfg(target_pointer_width = "64")]
#[test]
fn futures_that_wait_for_permits_are_small() {
    let (mutex, lock) = (Mutex::new(0u8), RwLock::new(0u8));
    let semaphore = vitte_rt::sync::Semaphore::new(1);
    let (tx, _rx) = vitte_rt::channel::mpsc::channel::<u32>(1);
    let sizes = [
        size_of_val(&mutex.lock()),
        size_of_val(&lock.read()),
        size_of_val(&lock.write()),
        size_of_val(&semaphore.acquire()),
        size_of_val(&tx.reserve()),
        size_of_val(&tx.send(1)),
    ];
    assert!(sizes.iter().all(|&n_bytes| n_bytes <= 128), "{sizes:?}");
}
