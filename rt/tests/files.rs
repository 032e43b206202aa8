//! Files and standard streams.

use std::io::{ErrorKind, SeekFrom};
use std::path::PathBuf;
use std::process::Stdio;

use vitte_rt::fs::{self, File, OpenOptions};
use vitte_rt::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, BufWriter, copy,
};
use vitte_rt::process::Command;
use vitte_rt::runtime::{Builder, Runtime};

/// A directory of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vitte-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_is_what_an_array_would_be() {
    let scratch = Scratch::new("oracle");
    let runtime = Runtime::new().unwrap();
    for seed in 0..8 {
        // The choices are a seeded runtime's, the files a real one's.
        let choices = Builder::seeded(seed).build().unwrap();
        let pick = |n: u32| choices.handle().choose(n) as usize;
        let path = scratch.0.join(format!("file{seed}"));
        runtime.block_on(async {
            let mut options = OpenOptions::new();
            let mut file = options.read(true).write(true).create(true).open(&path).await.unwrap();
            let (mut array, mut at) = (Vec::new(), 0usize);
            for step in 0..60u8 {
                match pick(5) {
                    0 | 1 => {
                        let bytes = vec![step; pick(100_000)];
                        file.write_all(&bytes).await.unwrap();
                        let end = at + bytes.len();
                        if array.len() < end {
                            array.resize(end, 0);
                        }
                        array[at..end].copy_from_slice(&bytes);
                        at = end;
                    }
                    2 => {
                        let mut buffer = vec![0; pick(50_000)];
                        let mut n = 0;
                        while n < buffer.len() {
                            match file.read(&mut buffer[n..]).await.unwrap() {
                                0 => break,
                                more => n += more,
                            }
                        }
                        let from = at.min(array.len());
                        assert!(buffer[..n] == array[from..from + n]);
                        assert_eq!(n, buffer.len().min(array.len() - from));
                        at += n;
                    }
                    3 => {
                        let target = pick(array.len() as u32 + 1);
                        let to = match pick(3) {
                            0 => SeekFrom::Start(target as u64),
                            1 => SeekFrom::Current(target as i64 - at as i64),
                            _ => SeekFrom::End(target as i64 - array.len() as i64),
                        };
                        assert_eq!(file.seek(to).await.unwrap(), target as u64);
                        at = target;
                    }
                    _ => {
                        let bytes = file.metadata().await.unwrap().len();
                        assert_eq!(bytes, array.len() as u64);
                    }
                }
            }
            file.set_len(10).await.unwrap();
            array.resize(10, 0);
            file.sync_all().await.unwrap();
            assert_eq!(fs::read(&path).await.unwrap(), array);
        });
    }
}

#[test]
fn errors_of_writes_come_with_the_next_operation() {
    Runtime::new().unwrap().block_on(async {
        let mut full = OpenOptions::new().write(true).open("/dev/full").await.unwrap();
        full.write_all(b"x").await.unwrap();
        assert_eq!(full.flush().await.unwrap_err().kind(), ErrorKind::StorageFull);
        full.flush().await.unwrap();
        let mut read_only = File::open("/dev/null").await.unwrap();
        read_only.write_all(b"x").await.unwrap();
        assert!(read_only.read(&mut [0; 4]).await.is_err());
        assert_eq!(read_only.read(&mut [0; 4]).await.unwrap(), 0);
        assert_eq!(File::open("/no/such").await.unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn buffers_lines_and_copies() {
    let scratch = Scratch::new("copy");
    Runtime::new().unwrap().block_on(async {
        let (from, to) = (scratch.0.join("from"), scratch.0.join("to"));
        let mut writer = BufWriter::new(File::create(&from).await.unwrap());
        for i in 0..10_000 {
            writer.write_all(format!("line {i}\n").as_bytes()).await.unwrap();
        }
        writer.flush().await.unwrap();
        let mut target = File::create(&to).await.unwrap();
        let n = copy(File::open(&from).await.unwrap(), &mut target).await.unwrap();
        target.flush().await.unwrap();
        assert_eq!(n, fs::metadata(&to).await.unwrap().len());
        let mut reader = BufReader::new(File::open(&to).await.unwrap());
        let (mut line, mut n_lines) = (String::new(), 0);
        while reader.read_line(&mut line).await.unwrap() > 0 {
            assert_eq!(line, format!("line {n_lines}\n"));
            n_lines += 1;
            line.clear();
        }
        assert_eq!(n_lines, 10_000);
    });
}

#[test]
fn directories_are_made_listed_and_removed() {
    let scratch = Scratch::new("dir");
    Runtime::new().unwrap().block_on(async {
        let deep = scratch.0.join("a/b");
        fs::create_dir_all(&deep).await.unwrap();
        for i in 0..150 {
            fs::write(deep.join(format!("{i:03}")), [i as u8]).await.unwrap();
        }
        let mut names = Vec::new();
        let mut entries = fs::read_dir(&deep).await.unwrap();
        while let Some(entry) = entries.next_entry().await.unwrap() {
            assert!(entry.file_type().await.unwrap().is_file());
            assert_eq!(entry.metadata().await.unwrap().len(), 1);
            names.push(entry.file_name().into_string().unwrap());
        }
        names.sort();
        assert_eq!(names, (0..150).map(|i| format!("{i:03}")).collect::<Vec<_>>());
        let (old, new) = (deep.join("000"), deep.join("new"));
        fs::rename(&old, &new).await.unwrap();
        assert!(!fs::try_exists(&old).await.unwrap());
        assert_eq!(fs::copy(&new, &old).await.unwrap(), 1);
        fs::remove_dir_all(&deep).await.unwrap();
        fs::remove_dir(scratch.0.join("a")).await.unwrap();
    });
}

/// Reads standard input in a child: this test program itself, told by a variable.
#[test]
fn standard_streams_carry_lines() {
    if std::env::var_os("VITTE_TEST_ECHO").is_some() {
        Runtime::new().unwrap().block_on(async {
            let mut lines = BufReader::new(vitte_rt::io::stdin());
            let (mut line, mut out) = (String::new(), vitte_rt::io::stdout());
            while lines.read_line(&mut line).await.unwrap() > 0 {
                out.write_all(line.to_uppercase().as_bytes()).await.unwrap();
                line.clear();
            }
            out.flush().await.unwrap();
            let mut err = vitte_rt::io::stderr();
            err.write_all(b"done\n").await.unwrap();
            err.flush().await.unwrap();
        });
        return;
    }
    Runtime::new().unwrap().block_on(async {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "standard_streams_carry_lines", "--nocapture"])
            .env("VITTE_TEST_ECHO", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"one\ntwo\n").await.unwrap();
        input.close().await.unwrap();
        drop(input);
        let output = child.wait_with_output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("ONE\nTWO\n"), "{text}");
        assert_eq!(output.stderr, b"done\n");
    });
}
