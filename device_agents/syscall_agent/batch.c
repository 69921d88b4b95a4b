/* Decodes and runs batches. */
#include "batch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

/* The part of a frame not decoded yet. */
struct cursor {
    const uint8_t *next;
    size_t left;
};

struct operation {
    struct operation_header header;
    uint64_t words[MAX_WORDS];
    const uint8_t *data; /* of a WRITE */
};

static const uint8_t *take(struct cursor *cursor, size_t size)
{
    if (cursor->left < size)
        return NULL;
    const uint8_t *taken = cursor->next;
    cursor->next += size;
    cursor->left -= size;
    return taken;
}

/* False when the frame ends inside the operation or the operation has more words than any may have. */
static bool take_operation(struct cursor *cursor, struct operation *operation)
{
    const uint8_t *header = take(cursor, sizeof operation->header);
    if (header == NULL)
        return false;
    memcpy(&operation->header, header, sizeof operation->header);
    if (operation->header.word_count > MAX_WORDS)
        return false;

    memset(operation->words, 0, sizeof operation->words);
    size_t words_size = operation->header.word_count * sizeof(uint64_t);
    const uint8_t *words = take(cursor, words_size);
    if (words == NULL)
        return false;
    memcpy(operation->words, words, words_size);

    operation->data = NULL;
    if (operation->header.kind == OPERATION_WRITE)
        operation->data = take(cursor, operation->header.size);
    return operation->header.kind != OPERATION_WRITE || operation->data != NULL;
}

static struct cursor take_batch_header(const struct frame *frame, struct batch_header *batch)
{
    struct cursor cursor = {frame->payload, frame->header.size};
    const uint8_t *bytes = take(&cursor, sizeof *batch);
    if (bytes != NULL)
        memcpy(batch, bytes, sizeof *batch);
    return cursor;
}

enum { WORD = sizeof(uint64_t) };

static const struct {
    uint8_t fewest, most; /* words */
} words_of[] = {
    [OPERATION_CALL] = {0, MAX_WORDS}, [OPERATION_READ] = {1, 2},   [OPERATION_WRITE] = {1, 1},
    [OPERATION_FILL] = {2, 2},         [OPERATION_DIGEST] = {1, 1}, [OPERATION_STORE] = {2, 2},
    [OPERATION_CHECK] = {3, 3},
};

static const char *check_operation(const struct operation *operation, uint32_t index)
{
    const struct operation_header *header = &operation->header;
    if (header->kind < OPERATION_CALL || header->kind > OPERATION_CHECK)
        return "an operation of an unknown kind";
    if (header->word_count < words_of[header->kind].fewest || header->word_count > words_of[header->kind].most)
        return "an operation on memory with a wrong number of words";
    if ((header->earlier | header->stored) >> header->word_count != 0 || (header->earlier & header->stored) != 0)
        return "an operation with unknown bits set";
    if ((header->kind == OPERATION_STORE && header->size != WORD) ||
        (header->kind == OPERATION_CHECK && header->size != WORD && header->size != sizeof(uint32_t)))
        return "an operation on a word of a wrong size";
    for (int i = 0; i < header->word_count; i++)
        if (header->earlier >> i & 1 && operation->words[i] >= index)
            return "an operation that refers to none before it";
    return NULL;
}

const char *batch_check(struct frame *frame)
{
    struct batch_header batch;
    struct cursor cursor = take_batch_header(frame, &batch);
    if (frame->header.size < sizeof batch)
        return "a batch without a header";
    if (batch.flags & ~(uint32_t)BATCH_KEEP_GOING)
        return "a batch with unknown flags";
    if (batch.count > MAX_OPERATIONS)
        return "a batch of too many operations";

    frame->results_size = sizeof(struct results) + batch.count * sizeof(struct answer);
    for (uint32_t index = 0; index < batch.count; index++) {
        struct operation operation;
        if (!take_operation(&cursor, &operation))
            return "an operation that is truncated or has too many words";
        const char *problem = check_operation(&operation, index);
        if (problem != NULL)
            return problem;
        if (operation.header.kind == OPERATION_READ)
            frame->results_size += operation.header.size;
        if (operation.header.kind == OPERATION_DIGEST)
            frame->results_size += DIGEST_SIZE;
    }
    if (cursor.left > 0)
        return "a batch with bytes after its last operation";
    if (frame->results_size > sizeof(struct frame_header) + MAX_PAYLOAD)
        return "a batch whose results would not fit one frame";
    return NULL;
}

/* Linux returns errors as -1 to -4095; anything else, a high address included, is a value. */
static bool is_error(int64_t value)
{
    return value < 0 && value >= -4095;
}

/*
 * Replaces references with the values that earlier operations returned and the words in memory; -ECANCELED when one
 * of those operations failed, -EFAULT when an address is bad.
 */
static int64_t resolve(struct operation *operation, const int64_t *values)
{
    for (int i = 0; i < operation->header.word_count; i++) {
        uint64_t *word = &operation->words[i];
        if (operation->header.stored >> i & 1) {
            uint64_t found;
            if (memory_read(*word, sizeof found, (uint8_t *)&found) < 0)
                return -EFAULT;
            *word = found;
        } else if (operation->header.earlier >> i & 1) {
            int64_t value = values[*word];
            if (is_error(value))
                return -ECANCELED;
            *word = (uint64_t)value;
        }
    }
    return 0;
}

/* `size` where the number at the address is from `lowest` to `highest`. */
static int64_t check(uint64_t address, uint32_t size, uint64_t lowest, uint64_t highest)
{
    uint64_t found = 0; /* little-endian: a shorter number fills its first bytes */
    if (memory_read(address, size, (uint8_t *)&found) < 0)
        return -EFAULT;
    return found >= lowest && found <= highest ? (int64_t)size : -ERANGE;
}

static int64_t call(uint32_t number, const uint64_t *words)
{
    long value = syscall((long)number, words[0], words[1], words[2], words[3], words[4], words[5]);
    return value == -1 ? -errno : value;
}

/* The operation's value; *size is how many bytes it left at `bytes`. */
static int64_t run(const struct operation *operation, uint8_t *bytes, uint64_t *size)
{
    const struct operation_header *header = &operation->header;
    const uint64_t *words = operation->words;
    int64_t value = 0;
    *size = 0;
    switch (header->kind) {
    case OPERATION_CALL: return call(header->size, words);
    case OPERATION_WRITE: return memory_write(words[0], header->size, operation->data);
    case OPERATION_FILL: return memory_fill(words[0], header->size, words[1]);
    case OPERATION_STORE: return memory_write(words[0], WORD, (const uint8_t *)&words[1]);
    case OPERATION_CHECK: return check(words[0], header->size, words[1], words[2]);
    case OPERATION_READ: {
        uint64_t wanted = header->word_count == 2 ? words[1] : header->size;
        value = wanted > header->size ? -EMSGSIZE : memory_read(words[0], wanted, bytes);
        *size = value < 0 ? 0 : wanted;
        break;
    }
    case OPERATION_DIGEST:
        value = memory_digest(words[0], header->size, bytes);
        *size = value < 0 ? 0 : DIGEST_SIZE;
        break;
    }
    return value;
}

void batch_begin(const struct frame *frame, struct results *results)
{
    *results = (struct results){.header = frame->header};
    results->header.kind = FRAME_RESULTS;
    results->header.size = sizeof *results - sizeof results->header;
}

void batch_run(const struct frame *frame, struct results *results)
{
    struct batch_header batch;
    struct cursor cursor = take_batch_header(frame, &batch);
    int64_t values[MAX_OPERATIONS];
    uint8_t *next = results->answers;
    const uint32_t results_size = results->header.size;
    for (uint32_t index = 0; index < batch.count; index++) {
        struct operation operation;
        struct answer answer = {0};
        take_operation(&cursor, &operation);
        answer.value = resolve(&operation, values);
        if (answer.value == 0)
            answer.value = run(&operation, next + sizeof answer, &answer.size);
        values[index] = answer.value;
        memcpy(next, &answer, sizeof answer);
        next += sizeof answer + answer.size;
        results->executed = index + 1;
        results->header.size = results_size + (uint32_t)(next - results->answers);
        if (is_error(answer.value) && (operation.header.kind == OPERATION_CHECK || !(batch.flags & BATCH_KEEP_GOING)))
            break;
    }
}
