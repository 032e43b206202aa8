/* The coroutine ABI of Vitte: what a suspended coroutine looks like and how it is resumed.
 *
 * The same facts as the crate `vitte-abi` (rt/abi); a test compares every size and offset. 64-bit
 * targets only. None of the functions below unwinds, and no callback may.
 *
 * In the 8 bytes before a frame that is awaited lies its link: a pointer to the static `vt_site` of
 * whoever awaits it. The outermost frame of a task or branch (`root` of its leaf) needs none. A frame
 * allocated on its own has a `vt_prefix` before it, which ends with the link.
 */
#ifndef VITTE_H
#define VITTE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define VT_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define VT_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

/* What one resume answers. */
typedef uint32_t vt_status;
enum {
    VT_RUNNING = 0,   /* not finished; in vt_run: the leaf was replaced, run it next */
    VT_YIELDED = 1,   /* suspended: waits for a wake-up */
    VT_DONE = 2,      /* finished; the result lies at result_offset of the frame */
    VT_FAULTED = 3,   /* finished by a fault, which is recorded in the task */
    VT_CANCELLED = 4, /* finished by a cancel; cleanup has run */
    VT_ITEM = 5,      /* a generator's value lies at result_offset; the frame stays suspended */
    VT_NONE = 0xff    /* no status: never answered */
};

/* States of a frame; 3 + i: suspended at suspend point i. */
enum { VT_STATE_UNRESUMED = 0, VT_STATE_RETURNED = 1, VT_STATE_POISONED = 2, VT_STATE_FIRST = 3 };

/* vt_ctx.mode */
enum { VT_MODE_RESUME = 0, VT_MODE_CANCEL = 1 };
/* vt_leaf.cancel */
enum { VT_CANCEL_NONE = 0, VT_CANCEL_ASKED = 1, VT_CANCEL_TAKEN = 2 };
/* flags of vt_branches */
enum { VT_JOIN = 0, VT_SELECT = 1, VT_SELECT_NOW = 2 };
/* Bytes of a branch's record: of a vt_record as many as the branch needs, or a whole vt_leaf. */
enum { VT_RECORD_FLAGS = 4, VT_RECORD_SHIELD = 8, VT_RECORD_LEAF = 24, VT_RECORD_IS_LEAF = 32 };
/* kind of alloc_frame */
enum { VT_FRAME_ARENA = 0, VT_FRAME_TASK = 1 };
/* vt_site.offset of a child that is not inside its parent */
#define VT_ARENA UINT32_MAX

/* Codes of faults; frontends number theirs from VT_FAULT_FIRST_FRONTEND. */
enum {
    VT_FAULT_OVERFLOW = 1,
    VT_FAULT_DIVISION = 2,
    VT_FAULT_BOUNDS = 3,
    VT_FAULT_ASSERT = 4,
    VT_FAULT_PANIC = 5,
    VT_FAULT_STACK = 6,
    VT_FAULT_MEMORY = 7,
    VT_FAULT_MISUSE = 8,
    VT_FAULT_HOST = 9,
    VT_FAULT_FUEL = 10,
    VT_FAULT_FIRST_FRONTEND = 256
};

typedef struct vt_awaitee vt_awaitee;
typedef struct vt_ctx vt_ctx;
typedef struct vt_fns vt_fns;
typedef struct vt_leaf vt_leaf;
typedef struct vt_machine vt_machine;
typedef struct vt_prefix vt_prefix;
typedef struct vt_record vt_record;
typedef struct vt_site vt_site;
typedef struct vt_span vt_span;
typedef struct vt_state vt_state;

/* Resumes the coroutine whose frame is `frame`, until it suspends or finishes. */
typedef vt_status (*vt_resume)(vt_ctx *ctx, void *frame);

/* Builds a host operation in `storage`; the operation's arguments follow in their C types. */
typedef void (*vt_op_start)(vt_ctx *ctx, void *storage);

/* The innermost suspended coroutine of a task or of one branch of a join. */
struct vt_leaf {
    vt_resume resume;
    void *frame;
    void *root;     /* outermost frame, or storage of the operation that is the whole branch */
    uint8_t cancel; /* VT_CANCEL_* */
    uint8_t status; /* of a branch: its final status, or VT_NONE */
    uint8_t phase;  /* private to vt_branches; 0 before its first call */
    uint8_t running; /* 1 while vt_run runs this leaf; 0 before */
    uint32_t shield; /* how many cleanups hold cancels off */
};

/* What the frame of a join keeps of a branch's leaf while it is suspended: the first VT_RECORD_FLAGS,
 * VT_RECORD_SHIELD or VT_RECORD_LEAF bytes. */
struct vt_record {
    uint8_t cancel; /* each as in vt_leaf */
    uint8_t status;
    uint8_t phase;
    uint8_t running;
    uint32_t shield;
    vt_resume resume;
    void *frame;
};

/* Context of one resume; valid during the call only. */
struct vt_ctx {
    vt_leaf *leaf;
    void *task;
    const vt_fns *fns;
    int64_t budget;       /* loop fuel: below zero fns->overrun is called */
    uintptr_t stack_limit; /* lowest address for procedures in call cycles */
    uint64_t now_ns;      /* clock at the start of the turn */
    uint32_t mode;        /* VT_MODE_*: whoever acts on a cancel sets it back */
    uint32_t child_status; /* status of the child just popped, or VT_NONE */
    int32_t coop;         /* ready awaits left before the next one suspends */
    uint32_t requeue;     /* set to 1 to suspend without a wait */
    uint32_t abort;       /* 1 after a fault inside cleanup */
    uint32_t winner;      /* of a select, after vt_branches */
    uint32_t wake_reason; /* which wait woke the task */
    uint32_t ready_mask;  /* readiness of the descriptor that woke the task */
    int32_t errno_;       /* of a failed wait, or 0 */
    uint32_t timed_out;   /* 1 if the wait ended by its deadline */
    void *user;           /* free for the owner of the context */
};

/* What generated code asks of the runtime. */
struct vt_fns {
    void *(*alloc_frame)(vt_ctx *ctx, const vt_machine *machine, uint32_t kind);
    void (*free_frame)(vt_ctx *ctx, void *frame);
    vt_status (*overrun)(vt_ctx *ctx); /* VT_RUNNING: go on; VT_FAULTED: out of fuel */
    void (*fault)(vt_ctx *ctx, uint32_t code, const vt_span *span, uint64_t payload,
                  uint32_t in_cleanup);
    uint32_t (*choose)(vt_ctx *ctx, uint32_t n);
    vt_status (*branches)(vt_ctx *ctx, vt_leaf *branches, uint32_t n, uint32_t flags);
    vt_status (*run)(vt_ctx *ctx, vt_leaf *leaf);
};

/* Where a child frame returns to; static data of the awaiting machine. */
struct vt_site {
    vt_resume resume;
    uint32_t offset; /* the awaiter's frame is at child - offset; or VT_ARENA */
    uint32_t state;  /* of the awaiter, for dumps */
    const vt_machine *machine; /* the awaiter, for dumps; null if unknown */
};

/* The 24 bytes before a frame that was allocated on its own; before the root frame of a task only
 * `machine` and `link` need exist. */
struct vt_prefix {
    void *parent;
    const vt_machine *machine;
    const vt_site *link; /* null while nobody awaits the frame */
};

/* A source position; `file` is UTF-8 and not terminated. */
struct vt_span {
    const uint8_t *file;
    uint32_t file_len;
    uint32_t line;
    uint32_t column;
    uint32_t reserved;
};

/* What a suspended coroutine awaits: the one thing of an await, or a branch of a join or select. */
struct vt_awaitee {
    const vt_machine *machine; /* null: an operation or a boxed future */
    const uint8_t *name;       /* of an operation, else null; not terminated */
    uint32_t name_len;
    uint32_t offset; /* of a branch in the awaiter's frame; VT_ARENA: boxed, or an await */
    uint32_t record; /* offset of the branch's record */
    uint32_t record_bytes; /* VT_RECORD_*; 0 in an await */
};

/* Name, line and awaitees of one suspended state. */
struct vt_state {
    const uint8_t *name;
    uint32_t name_len;
    uint32_t line;
    const vt_awaitee *awaitees; /* for dumps; null if unknown or nothing */
    uint32_t n_awaitees;
    uint32_t reserved; /* zero */
};

/* Static description of a compiled coroutine. */
struct vt_machine {
    vt_resume resume;
    uint32_t size;
    uint32_t align;
    uint32_t tag_offset;
    uint32_t tag_bytes;
    uint32_t result_offset;
    uint32_t result_bytes;
    const uint8_t *name;
    uint32_t name_len;
    uint32_t n_states;
    const vt_state *states;
    uint64_t layout_hash;
    const vt_span *span;
    const void *user;
};

/* Runs `leaf` until it suspends (VT_YIELDED) or its outermost frame ends or gives an item. Leaves
 * ctx->leaf as `leaf`. */
vt_status vt_run(vt_ctx *ctx, vt_leaf *leaf);
/* Runs the unfinished branches of a join or select once and says how the whole stands. */
vt_status vt_branches(vt_ctx *ctx, vt_leaf *branches, uint32_t n, uint32_t flags);

#define VT_AT(type, field, at) \
    VT_STATIC_ASSERT(offsetof(type, field) == (at), #type "." #field " is at " #at)
#define VT_SIZE(type, bytes) VT_STATIC_ASSERT(sizeof(type) == (bytes), #type " has " #bytes " bytes")
VT_SIZE(void *, 8);
VT_SIZE(vt_leaf, 32);
VT_AT(vt_leaf, resume, 0);
VT_AT(vt_leaf, frame, 8);
VT_AT(vt_leaf, root, 16);
VT_AT(vt_leaf, cancel, 24);
VT_AT(vt_leaf, status, 25);
VT_AT(vt_leaf, phase, 26);
VT_AT(vt_leaf, running, 27);
VT_AT(vt_leaf, shield, 28);
VT_SIZE(vt_record, 24);
VT_AT(vt_record, cancel, 0);
VT_AT(vt_record, status, 1);
VT_AT(vt_record, phase, 2);
VT_AT(vt_record, running, 3);
VT_AT(vt_record, shield, 4);
VT_AT(vt_record, resume, 8);
VT_AT(vt_record, frame, 16);
VT_SIZE(vt_ctx, 96);
VT_AT(vt_ctx, leaf, 0);
VT_AT(vt_ctx, task, 8);
VT_AT(vt_ctx, fns, 16);
VT_AT(vt_ctx, budget, 24);
VT_AT(vt_ctx, stack_limit, 32);
VT_AT(vt_ctx, now_ns, 40);
VT_AT(vt_ctx, mode, 48);
VT_AT(vt_ctx, child_status, 52);
VT_AT(vt_ctx, coop, 56);
VT_AT(vt_ctx, requeue, 60);
VT_AT(vt_ctx, abort, 64);
VT_AT(vt_ctx, winner, 68);
VT_AT(vt_ctx, wake_reason, 72);
VT_AT(vt_ctx, ready_mask, 76);
VT_AT(vt_ctx, errno_, 80);
VT_AT(vt_ctx, timed_out, 84);
VT_AT(vt_ctx, user, 88);
VT_SIZE(vt_fns, 56);
VT_AT(vt_fns, alloc_frame, 0);
VT_AT(vt_fns, free_frame, 8);
VT_AT(vt_fns, overrun, 16);
VT_AT(vt_fns, fault, 24);
VT_AT(vt_fns, choose, 32);
VT_AT(vt_fns, branches, 40);
VT_AT(vt_fns, run, 48);
VT_SIZE(vt_site, 24);
VT_AT(vt_site, offset, 8);
VT_AT(vt_site, state, 12);
VT_AT(vt_site, machine, 16);
VT_SIZE(vt_prefix, 24);
VT_AT(vt_prefix, parent, 0);
VT_AT(vt_prefix, machine, 8);
VT_AT(vt_prefix, link, 16);
VT_SIZE(vt_span, 24);
VT_AT(vt_span, file_len, 8);
VT_AT(vt_span, line, 12);
VT_AT(vt_span, column, 16);
VT_SIZE(vt_awaitee, 32);
VT_AT(vt_awaitee, machine, 0);
VT_AT(vt_awaitee, name, 8);
VT_AT(vt_awaitee, name_len, 16);
VT_AT(vt_awaitee, offset, 20);
VT_AT(vt_awaitee, record, 24);
VT_AT(vt_awaitee, record_bytes, 28);
VT_SIZE(vt_state, 32);
VT_AT(vt_state, name_len, 8);
VT_AT(vt_state, line, 12);
VT_AT(vt_state, awaitees, 16);
VT_AT(vt_state, n_awaitees, 24);
VT_SIZE(vt_machine, 80);
VT_AT(vt_machine, resume, 0);
VT_AT(vt_machine, size, 8);
VT_AT(vt_machine, align, 12);
VT_AT(vt_machine, tag_offset, 16);
VT_AT(vt_machine, tag_bytes, 20);
VT_AT(vt_machine, result_offset, 24);
VT_AT(vt_machine, result_bytes, 28);
VT_AT(vt_machine, name, 32);
VT_AT(vt_machine, name_len, 40);
VT_AT(vt_machine, n_states, 44);
VT_AT(vt_machine, states, 48);
VT_AT(vt_machine, layout_hash, 56);
VT_AT(vt_machine, span, 64);
VT_AT(vt_machine, user, 72);
#undef VT_AT
#undef VT_SIZE

/* ---- libvitte.a: the runtime and the host of Vitte programs ----
 *
 * Objects of `vitte build` resolve their imports (`vitte_...`) and host operations
 * (`vitte_op_..._start`, `vitte_op_..._poll`) against it. */

/* Runs a main coroutine without parameters, whose result is nothing or an int32_t, to its end, and
 * answers the exit code: what main gave, 1 if every task waits for ever, 101 after a panic. */
int vitte_run(const vt_machine *machine, int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
