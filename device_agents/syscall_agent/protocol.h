/*
 * The frames that pass over standard input and output.
 *
 * Every number is little-endian. A frame is a header and header.size further bytes. The agent's first
 * frame is a HELLO; from then on the host asks and the agent answers, in any order. The agent answers
 * a malformed frame with an ERROR frame and exits with EX_DATAERR.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are built in memory as they are sent");

enum {
    PROTOCOL_VERSION = 6,
    MAX_PAYLOAD = 8 << 20, /* bytes after the header, either way */
    MAX_OPERATIONS = 1024, /* in one batch */
    MAX_WORDS = 6,         /* of one operation: what a Linux system call takes */
    FIRST_THREADS = 2,     /* running when the agent sends HELLO */
};

enum frame_kind {
    /* from the host */
    FRAME_START_THREAD = 1,  /* answered by STARTED */
    FRAME_BATCH = 2,         /* for `thread`: batch_header and operations; answered by RESULTS */
    FRAME_FITTING_BATCH = 3, /* the same; the output holds its answer and those to all frames before */
    FRAME_PROMPT_BATCH = 4,  /* the same; and it does not block: no frame is read until it is answered */
    FRAME_FORK = 5,          /* the same as BATCH, but run by a forked child of `thread` */
    FRAME_INTERRUPT = 6,     /* interrupts the batch `request` if `thread` is running it; no answer */
    FRAME_END = 7,           /* like the end of the input, for a transport that has none; no answer */
    /* from the agent */
    FRAME_HELLO = 128,
    FRAME_STARTED = 129, /* `thread` is the new thread's id; payload: int32, 0 or a negative errno */
    FRAME_RESULTS = 130,
    FRAME_ERROR = 131, /* payload: a message for people; the agent exits */
};

struct frame_header {
    uint32_t size; /* of what follows the header */
    uint32_t kind;
    uint32_t request; /* chosen by the host, never 0, repeated in the answer */
    uint32_t thread;
};

struct frame {
    struct frame *next;  /* of those that wait for the same thread */
    size_t results_size; /* of a batch that batch_check() passed */
    struct frame_header header;
    uint8_t payload[];
};

enum batch_flag {
    BATCH_KEEP_GOING = 1,
};

struct batch_header {
    uint32_t flags;
    uint32_t count; /* of operations */
};

/*
 * A batch may depend on what its own operations return and leave in memory, so that a system call, what it returned
 * and what that refers to are one batch. There are no jumps: a batch ends after count operations at the latest.
 */
enum operation_kind {
    OPERATION_CALL = 1,   /* number; words: the arguments */
    OPERATION_READ = 2,   /* size; words: address, and a smaller size if given; -EMSGSIZE where that is larger */
    OPERATION_WRITE = 3,  /* size; words: address; followed by the bytes */
    OPERATION_FILL = 4,   /* size; words: address, seed */
    OPERATION_DIGEST = 5, /* size; words: address */
    OPERATION_STORE = 6,  /* 8; words: address, the word to write there */
    OPERATION_CHECK = 7,  /* 4 or 8; words: address, lowest, highest: ends the batch with -ERANGE where the unsigned
                             number at the address is not one of them or between, even if the batch keeps going */
};

/* Followed by word_count words of 64 bits. */
struct operation_header {
    uint8_t kind;
    uint8_t word_count;
    uint8_t earlier; /* bit i: word i is the index of an earlier operation, replaced by its value */
    uint8_t stored;  /* bit i: word i is an address, replaced by the word of 64 bits there, or -EFAULT is the value */
    uint32_t size;   /* bytes of memory; for a CALL the system call's number */
};

struct hello {
    struct frame_header header;
    char magic[8];
    uint32_t version;
    uint32_t pointer_size;
    uint32_t page_size;
    uint32_t pid;
    uint32_t uid;
    char architecture[16];           /* as in `uname -m`, padded with NUL */
    uint32_t threads[FIRST_THREADS]; /* their ids */
};

struct started {
    struct frame_header header;
    int32_t error;
};

struct results {
    struct frame_header header;
    int32_t child;         /* FORK: the child's pid, or a negative errno and no results; otherwise 0 */
    uint32_t child_status; /* FORK: the status from waitpid() if the child died in its batch; otherwise 0 */
    uint32_t executed;     /* operations; an answer of each follows: struct answer, then its bytes */
    uint8_t answers[];
};

struct answer {
    int64_t value; /* a call's value, or the bytes handled; a negative errno */
    uint64_t size; /* of the bytes that follow */
};

/* The next frame, to be freed by the caller; NULL at the end of the input. Exits on a malformed frame. */
struct frame *receive_frame(void);

/* What the thread gets that called watch_input_here() when input arrives that is watched. */
enum { INPUT_SIGNAL = SIGIO };

/* Must run before the input is watched. */
void watch_input_here(void);

/* False: no signal will come, because there is input already, or because it cannot be watched. */
bool watch_input(void);

void stop_watching_input(void);

/* Sends the header and the header.size bytes after it, in one write where the stream takes that. */
void send_frame(const struct frame_header *header);

/* Sends an ERROR frame with the reason and exits with a status from sysexits.h. */
_Noreturn void fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
