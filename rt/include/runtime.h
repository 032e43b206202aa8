/* The C interface of the Vitte runtime: callbacks as tasks that wait for descriptors, timers and each
 * other. The names are those of the Vex C runtime; "added" below are runtime_spawn and its handle
 * (runtime_task_*), worker_wake_*, worker_await_wake, worker_data, worker_runtime, cancel_token_*,
 * runtime_dump and runtime_write_trace.
 *
 * A callback is resumed with its context and the pointer that it was spawned with, never twice at a
 * time. It registers what it waits for and returns; it keeps its place in memory of its own. With
 * several awaits registered in one resume, the first that comes resumes it and the others are void.
 *
 * Link with libvitte_c.a (and -lpthread -ldl -lm) or libvitte_c.so. Duties of the caller: a runtime,
 * a queue and a context are used while they live (a context: by its own callback, during a
 * resume); callbacks do not throw; a callback that blocks its thread holds one worker up. NULL is
 * taken for "nothing" everywhere. Written by cbindgen from rt/c: do not edit.
 */

#ifndef VITTE_RUNTIME_H
#define VITTE_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How far a task is.
typedef enum RuntimeTaskState {
    // Not over.
    RUNTIME_TASK_STATE_LIVE = 0,
    // It answered DONE.
    RUNTIME_TASK_STATE_DONE = 1,
    // Its callback panicked or answered what is no status.
    RUNTIME_TASK_STATE_FAULTED = 2,
    // Its runtime was destroyed before it was done.
    RUNTIME_TASK_STATE_DROPPED = 3,
} RuntimeTaskState;

// Why a task was resumed.
typedef enum WakeReason {
    // It has just been spawned.
    WAKE_REASON_START = 0,
    // It registered no await and its turn came again.
    WAKE_REASON_YIELD = 1,
    // A descriptor is ready.
    WAKE_REASON_IO = 2,
    // A deadline passed.
    WAKE_REASON_TIMER = 3,
    // Its token was asked to cancel; its awaits are void. Once per task.
    WAKE_REASON_CANCEL = 4,
    // An await failed; see `error`.
    WAKE_REASON_ERROR = 5,
    // `runtime_task_wake` was called.
    WAKE_REASON_WAKE = 6,
} WakeReason;

// What a callback answers.
typedef enum CoroStatus {
    // Not finished. Suspended if an await was registered in this resume, else queued again.
    CORO_STATUS_RUNNING = 0,
    // As RUNNING.
    CORO_STATUS_YIELDED = 1,
    // Finished; awaits registered in this resume are void.
    CORO_STATUS_DONE = 2,
} CoroStatus;

// Events of a descriptor; a set where several may be meant.
typedef enum EventType {
    // None.
    EVENT_TYPE_NONE = 0,
    // There is something to read, or the end of the stream, or an error.
    EVENT_TYPE_READABLE = 1,
    // There is room to write, or a connect has finished, or an error.
    EVENT_TYPE_WRITABLE = 2,
    // A deadline passed.
    EVENT_TYPE_TIMER = 4,
} EventType;

// Asks one task to cancel. A name, not an address: using it after the task is over does nothing.
typedef struct CancelToken CancelToken;

// A queue of pointers; any thread may put in and take out.
typedef struct LockFreeQueue LockFreeQueue;

// A runtime.
typedef struct Runtime Runtime;

// A task, for others. A name, not an address: using it after it was released does nothing, once
// the task is over too.
typedef struct RuntimeTask RuntimeTask;

// The context of a task. Functions that take it are for its own callback, during a resume.
typedef struct WorkerContext WorkerContext;

// A callback: resumed with the context of its task and the pointer it was spawned with. It must not
// let a C++ exception out; a Rust panic ends its task.
typedef CoroStatus (*coro_resume_func)(struct WorkerContext *context, void *data);

// Called once when a task is over, with the pointer it was spawned with and how it ended.
typedef void (*runtime_drop_func)(void *data, enum RuntimeTaskState state);

// What a runtime has done since it was created.
typedef struct RuntimeStats {
    // Tasks that were spawned.
    uint64_t tasks_spawned;
    // Tasks that are over.
    uint64_t tasks_done;
    // Wake-ups by descriptors and timers.
    uint64_t poller_events;
    // Awaits of descriptors.
    uint64_t io_submitted;
    // Times a worker took tasks from another.
    uint64_t steals;
    // Times a worker went to sleep.
    uint64_t parks;
    // Times a sleeping worker was woken for work.
    uint64_t unparks;
} RuntimeStats;

// A descriptor, wide enough for any system's.
typedef size_t IoHandle;

// What woke a task.
typedef struct WakeInfo {
    // Why.
    enum WakeReason reason;
    // Which of the awaits of the last resume, in the order in which they were registered.
    uint32_t wait;
    // The events that there are: a set of `EventType`.
    uint32_t events;
    // `errno` of an await that failed, else 0.
    int32_t error;
    // The descriptor, of an await for one.
    IoHandle handle;
} WakeInfo;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// A runtime with so many workers; 0: one per processor. NULL if `workers` is negative or the system
// has no descriptor to give. Nothing runs before `runtime_run`.
struct Runtime *runtime_create(int workers);

// Frees a runtime. Tasks that are not over are dropped without being resumed: their drop callbacks
// are called. A run in progress is ended first; called by one of its callbacks, it ends after that
// returns. NULL is fine.
void runtime_destroy(struct Runtime *runtime);

// Spawns a task; before, during and between runs, from any thread, in a callback too. A task that
// is not over when a run ends goes on in the next.
void runtime_spawn_global(struct Runtime *runtime, coro_resume_func resume, void *data);

// As `runtime_spawn_global`, with a function that is called once when the task is over (or NULL),
// and a handle, which the caller gives back by `runtime_task_release`. NULL without runtime or
// function; `drop` is not called then.
struct RuntimeTask *runtime_spawn(struct Runtime *runtime,
                                  coro_resume_func resume,
                                  void *data,
                                  runtime_drop_func drop);

// Runs the tasks until `runtime_shutdown` or, with auto-shutdown, until none is left. The calling
// thread waits meanwhile; when it returns no callback runs. May be called again. Does nothing inside
// of a callback of the same runtime; a second thread that calls it waits for the first one's run.
void runtime_run(struct Runtime *runtime);

// Ends the run in progress, or the next one as soon as it begins, after the callbacks that are
// running. From any thread, in a callback too.
void runtime_shutdown(struct Runtime *runtime);

// Whether a run ends by itself, at once, when no task of this runtime is left.
void runtime_enable_auto_shutdown(struct Runtime *runtime, bool enabled);

// Fills in what the runtime has done so far.
void runtime_get_stats(struct Runtime *runtime, struct RuntimeStats *stats);

// Writes the tasks that are not over, as text, into `buffer` of `size` bytes, as far as it goes and
// with a 0 at its end; answers the bytes of the whole text without the 0. From any thread.
size_t runtime_dump(struct Runtime *runtime, char *buffer, size_t size);

// Nanoseconds on a clock that only goes forward (`CLOCK_MONOTONIC`).
uint64_t rt_now_ns(void);

// Begins or ends the event stream: which tasks were spawned, resumed, woken and ended when, on which
// worker; the newest 65,536 events of each. What a stream has kept is forgotten when the next begins.
void runtime_set_tracing(struct Runtime *runtime,
                         bool enabled);

// Writes what the event stream has kept into the file `path`, for <https://ui.perfetto.dev> and
// chrome://tracing, and forgets it; the stream goes on. False if the file cannot be written.
bool runtime_write_trace(struct Runtime *runtime, const char *path);

// Waits until `fd` has one of `events` (a set of READABLE and WRITABLE). The descriptor stays the
// caller's; several tasks may wait for one. What can not be waited for resumes the task with
// WAKE_REASON_ERROR. Several awaits in one resume mean any of them.
void worker_await_io(struct WorkerContext *context, int fd, EventType events);

// As `worker_await_io`.
void worker_await_ioh(struct WorkerContext *context, IoHandle handle, EventType events);

// Waits until `rt_now_ns` shows `deadline_ns`, never less.
void worker_await_deadline(struct WorkerContext *context, uint64_t deadline_ns);

// Waits for at least so many milliseconds.
void worker_await_after(struct WorkerContext *context, uint64_t millis);

// As `worker_await_after`.
void vex_async_sleep(struct WorkerContext *context, uint64_t millis);

// Waits until somebody calls `runtime_task_wake` for this task. A call that came since the last
// such await, also before the first, counts.
void worker_await_wake(struct WorkerContext *context);

// Why the task was resumed this time.
enum WakeReason worker_wake_reason(struct WorkerContext *context);

// As `worker_wake_reason`, with all that is known of it.
void worker_wake_info(struct WorkerContext *context, struct WakeInfo *info);

// The pointer that the task was spawned with.
void *worker_data(struct WorkerContext *context);

// The runtime of the task; valid as long as the task.
struct Runtime *worker_runtime(struct WorkerContext *context);

// Spawns a task that this worker will run unless another is idle.
void worker_spawn_local(struct WorkerContext *context, coro_resume_func resume, void *data);

// The token of this task. It asks for a cancel by `cancel_request`, from anywhere, and resumes the
// task; a name that may be used for ever, even after the task is over.
struct CancelToken *worker_cancel_token(struct WorkerContext *context);

// Whether the task of `token` was asked to cancel; false once the task is over and the token was
// not retained.
bool cancel_requested(const struct CancelToken *token);

// Asks the task of `token` to cancel: it is resumed with WAKE_REASON_CANCEL, once, when it is or next
// becomes suspended, and its awaits are void. From any thread.
void cancel_request(struct CancelToken *token);

// Keeps what a token says readable after its task is over, until it is released.
void cancel_token_retain(struct CancelToken *token);

// Gives back what `cancel_token_retain` took.
void cancel_token_release(struct CancelToken *token);

// The token of a task.
struct CancelToken *runtime_task_token(struct RuntimeTask *task);

// Resumes a task that waits in `worker_await_wake`, now or when it next does.
void runtime_task_wake(struct RuntimeTask *task);

// How far a task is. DROPPED too for a name that names nothing any more.
enum RuntimeTaskState runtime_task_state(const struct RuntimeTask *task);

// Waits on this thread until a task is over, for at most `timeout_ns` (UINT64_MAX: for ever); true
// if it is. Inside of a callback it does not wait.
bool runtime_task_wait(const struct RuntimeTask *task, uint64_t timeout_ns);

// Gives a handle back; the task runs on by itself.
void runtime_task_release(struct RuntimeTask *task);

// A queue with room for `capacity` pointers; 0: without bound. NULL if there is no such room.
struct LockFreeQueue *lfq_create(size_t capacity);

// Frees a queue and not what the pointers in it lead to. NULL is fine.
void lfq_destroy(struct LockFreeQueue *queue);

// Puts a pointer in; false if the queue is full.
bool lfq_enqueue(struct LockFreeQueue *queue, void *item);

// Takes the oldest pointer out; false if there is none, and then `*item` stays as it is.
bool lfq_dequeue(struct LockFreeQueue *queue, void **item);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* VITTE_RUNTIME_H */

#ifdef __cplusplus
// A set of events, where C needs no help.
static inline EventType operator|(EventType a, EventType b) {
    return static_cast<EventType>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
#endif
