/* What the test programs share: a check that says where it failed, and a counter for threads. */
#ifndef CHECK_H
#define CHECK_H

#include <runtime.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);    \
            exit(1);                                                                         \
        }                                                                                    \
    } while (0)

#define ADD(counter) __atomic_add_fetch(&(counter), 1, __ATOMIC_SEQ_CST)
#define LOAD(counter) __atomic_load_n(&(counter), __ATOMIC_SEQ_CST)

static inline Runtime *automatic(int workers) {
    Runtime *runtime = runtime_create(workers);
    CHECK(runtime != NULL);
    runtime_enable_auto_shutdown(runtime, true);
    return runtime;
}

#endif
