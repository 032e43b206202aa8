/* 200,000 spawns before the run, a run called again, spawns from threads and callbacks, a task that
 * goes on in the next run, no queue limit, counters that count. */
#include "check.h"

enum { N_BEFORE = 200000, N_LOCAL = 1000 };

static int n_run;

static CoroStatus once(WorkerContext *ctx, void *data) {
    (void)ctx, (void)data;
    ADD(n_run);
    return CORO_STATUS_DONE;
}

static CoroStatus spawner(WorkerContext *ctx, void *data) {
    (void)data;
    for (int i = 0; i < N_LOCAL; i++) {
        worker_spawn_local(ctx, once, NULL);
        runtime_spawn_global(worker_runtime(ctx), once, NULL);
    }
    return CORO_STATUS_DONE;
}

/* Ends this run; the task is not over. It is queued at once: no worker may take it in the same run. */
static CoroStatus two_runs(WorkerContext *ctx, void *data) {
    int *step = data;
    if ((*step)++ == 0) {
        runtime_shutdown(worker_runtime(ctx));
        return CORO_STATUS_YIELDED;
    }
    return CORO_STATUS_DONE;
}

/* The same with a timer that is due when the next run begins. */
static CoroStatus two_runs_timed(WorkerContext *ctx, void *data) {
    int *step = data;
    if ((*step)++ == 0) {
        runtime_shutdown(worker_runtime(ctx));
        worker_await_after(ctx, 1);
        return CORO_STATUS_YIELDED;
    }
    return CORO_STATUS_DONE;
}

static void *foreign(void *runtime) {
    for (int i = 0; i < 1000; i++) {
        runtime_spawn_global(runtime, once, NULL);
    }
    return NULL;
}

int main(void) {
    Runtime *runtime = automatic(2);
    runtime_run(runtime); /* nothing to do: returns */
    for (int i = 0; i < N_BEFORE; i++) {
        runtime_spawn_global(runtime, once, NULL);
    }
    CHECK(n_run == 0); /* not before the run */
    runtime_run(runtime);
    CHECK(n_run == N_BEFORE);

    n_run = 0;
    runtime_spawn_global(runtime, spawner, NULL);
    runtime_run(runtime);
    CHECK(n_run == 2 * N_LOCAL);

    int step = 0;
    runtime_spawn_global(runtime, two_runs, &step);
    runtime_run(runtime);
    CHECK(step == 1);
    runtime_run(runtime);
    CHECK(step == 2);
    step = 0;
    runtime_spawn_global(runtime, two_runs_timed, &step);
    runtime_run(runtime);
    CHECK(step == 1);
    usleep(2000);
    runtime_run(runtime);
    CHECK(step == 2);

    /* Spawned by a thread while the run is on, which only a shutdown ends. */
    n_run = 0;
    runtime_enable_auto_shutdown(runtime, false);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, foreign, runtime) == 0);
    int stop = 0;
    runtime_spawn_global(runtime, two_runs, &stop);
    runtime_run(runtime);
    pthread_join(thread, NULL);
    runtime_enable_auto_shutdown(runtime, true);
    runtime_run(runtime);
    CHECK(n_run == 1000 && stop == 2);

    RuntimeStats stats;
    runtime_get_stats(runtime, &stats);
    CHECK(stats.tasks_spawned == N_BEFORE + 1 + 2 * N_LOCAL + 2 + 1000 + 1);
    CHECK(stats.tasks_done == stats.tasks_spawned);
    CHECK(stats.parks > 0);
    runtime_destroy(runtime);
    return 0;
}
