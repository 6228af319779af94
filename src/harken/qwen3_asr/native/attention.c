/* Attention: of tokens to the keys in their slots of the cache, and of the encoder's tokens to their windows. */
#include "kernels.h"
#include <stdatomic.h>

enum { FEW = 4 };

static inline size_t cached_at(const struct heads *h, int row, int head) {
    return ((size_t)h->slots[row] * h->kv_heads + head) * h->max_tokens * h->head_dim;
}

/* Normalise one head and rotate its halves (i, i + head_dim/2) by the row's position. */
CPU static void turn(const struct heads *h, const float *norm, int position, float *head) {
    int half = h->head_dim / 2;
    const float *cosines = h->cosines + (size_t)position * half, *sines = h->sines + (size_t)position * half;
    __m512 squares = _mm512_setzero_ps();
    for (int i = 0; i < h->head_dim; i += 16) {
        __m512 value = _mm512_loadu_ps(head + i);
        squares = _mm512_fmadd_ps(value, value, squares);
    }
    __m512 scale = _mm512_set1_ps(1.0f / sqrtf(_mm512_reduce_add_ps(squares) / (float)h->head_dim + h->eps));
    for (int i = 0; i < half; i += 16) {
        __m512 a = _mm512_mul_ps(_mm512_mul_ps(_mm512_loadu_ps(head + i), scale), _mm512_loadu_ps(norm + i));
        __m512 b = _mm512_mul_ps(_mm512_mul_ps(_mm512_loadu_ps(head + half + i), scale), _mm512_loadu_ps(norm + half + i));
        __m512 c = _mm512_loadu_ps(cosines + i), s = _mm512_loadu_ps(sines + i);
        _mm512_storeu_ps(head + i, _mm512_fmsub_ps(a, c, _mm512_mul_ps(b, s)));
        _mm512_storeu_ps(head + half + i, _mm512_fmadd_ps(b, c, _mm512_mul_ps(a, s)));
    }
}

CPU static void store(const float *head, int size, uint16_t *to) {
    for (int i = 0; i < size; i += 16) _mm256_storeu_si256((__m256i *)(to + i), bf16_of(_mm512_loadu_ps(head + i)));
}

/* Turn scores into weights that still lack a factor, which is returned: one over their sum. */
CPU static inline __m512 softmax(float *scores, int count, __m512 scale) {
    __m512 peaks = _mm512_set1_ps(-INFINITY), total = _mm512_setzero_ps();
    for (int t = 0; t < count; t += 16) {
        __mmask16 m = first(count - t);
        peaks = _mm512_mask_max_ps(peaks, m, peaks, _mm512_maskz_loadu_ps(m, scores + t));
    }
    __m512 peak = _mm512_set1_ps(_mm512_reduce_max_ps(peaks));
    for (int t = 0; t < count; t += 16) {
        __mmask16 m = first(count - t);
        __m512 weight = exp16(_mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(m, scores + t), peak), scale));
        total = _mm512_mask_add_ps(total, m, total, weight);
        _mm512_mask_storeu_ps(scores + t, m, weight);
    }
    return _mm512_set1_ps(1.0f / _mm512_reduce_add_ps(total));
}

/* HEADS query heads over the same `count` keys, `stride` values apart: scores, softmax, weighted values. DIM vectors of
 * 16 per head; LOAD widens 16 of TYPE to float32, once for all heads. scores: [HEADS][room]. */
#define ATTEND(NAME, HEADS, DIM, TYPE, LOAD)                                                                           \
    CPU static void NAME(const float *q, const TYPE *keys, const TYPE *values, size_t stride, int count,              \
                         float *scores, size_t room, float *out) {                                                    \
        const __m512 scale = _mm512_set1_ps(1.0f / sqrtf(16.0f * DIM));                                               \
        for (int t = 0; t < count; t++) {                                                                             \
            const TYPE *key = keys + t * stride;                                                                      \
            /* Both come from memory, and the values are wanted as soon as the scores are known. */                   \
            for (size_t i = 0; i < sizeof(TYPE) * 16 * DIM; i += 64) {                                                \
                _mm_prefetch((const char *)(key + 16 * stride) + i, _MM_HINT_T0);                                     \
                _mm_prefetch((const char *)(values + t * stride) + i, _MM_HINT_T1);                                   \
            }                                                                                                         \
            __m512 sum[HEADS];                                                                                        \
            UNROLL for (int h = 0; h < HEADS; h++) sum[h] = _mm512_setzero_ps();                                      \
            UNROLL for (int i = 0; i < DIM; i++) {                                                                    \
                __m512 part = LOAD(key + 16 * i);                                                                     \
                UNROLL for (int h = 0; h < HEADS; h++)                                                                \
                    sum[h] = _mm512_fmadd_ps(_mm512_loadu_ps(q + (h * DIM + i) * 16), part, sum[h]);                  \
            }                                                                                                         \
            UNROLL for (int h = 0; h < HEADS; h++) scores[h * room + t] = _mm512_reduce_add_ps(sum[h]);               \
        }                                                                                                             \
        __m512 mixed[HEADS][DIM], share[HEADS];                                                                       \
        UNROLL for (int h = 0; h < HEADS; h++) {                                                                      \
            share[h] = softmax(scores + h * room, count, scale);                                                      \
            UNROLL for (int i = 0; i < DIM; i++) mixed[h][i] = _mm512_setzero_ps();                                   \
        }                                                                                                             \
        for (int t = 0; t < count; t++)                                                                               \
            UNROLL for (int i = 0; i < DIM; i++) {                                                                    \
                __m512 part = LOAD(values + t * stride + 16 * i);                                                     \
                UNROLL for (int h = 0; h < HEADS; h++)                                                                \
                    mixed[h][i] = _mm512_fmadd_ps(_mm512_set1_ps(scores[h * room + t]), part, mixed[h][i]);           \
            }                                                                                                         \
        UNROLL for (int h = 0; h < HEADS; h++)                                                                        \
            UNROLL for (int i = 0; i < DIM; i++)                                                                      \
                _mm512_storeu_ps(out + (h * DIM + i) * 16, _mm512_mul_ps(mixed[h][i], share[h]));                     \
    }

#define ATTEND_ALL(NAME, TYPE, LOAD)                                                                                   \
    ATTEND(NAME##_1_2, 1, 2, TYPE, LOAD)                                                                              \
    ATTEND(NAME##_1_4, 1, 4, TYPE, LOAD)                                                                              \
    ATTEND(NAME##_1_8, 1, 8, TYPE, LOAD)                                                                              \
    ATTEND(NAME##_2_2, 2, 2, TYPE, LOAD)                                                                              \
    ATTEND(NAME##_2_4, 2, 4, TYPE, LOAD)                                                                              \
    ATTEND(NAME##_2_8, 2, 8, TYPE, LOAD)                                                                              \
    CPU static void NAME(int dim, const float *q, int group, const TYPE *keys, const TYPE *values, size_t stride,     \
                         int count, float *scores, size_t room, float *out) {                                         \
        int heads = group % 2 ? 1 : 2;                                                                                \
        for (int h = 0; h < group; h += heads, q += heads * dim, out += heads * dim) {                                \
            if (heads == 2 && dim == 128) NAME##_2_8(q, keys, values, stride, count, scores, room, out);              \
            else if (heads == 2 && dim == 64) NAME##_2_4(q, keys, values, stride, count, scores, room, out);          \
            else if (heads == 2) NAME##_2_2(q, keys, values, stride, count, scores, room, out);                       \
            else if (dim == 128) NAME##_1_8(q, keys, values, stride, count, scores, room, out);                       \
            else if (dim == 64) NAME##_1_4(q, keys, values, stride, count, scores, room, out);                        \
            else NAME##_1_2(q, keys, values, stride, count, scores, room, out);                                       \
        }                                                                                                             \
    }
ATTEND_ALL(attend_cached, uint16_t, of_bf16)
ATTEND_ALL(attend_fresh, float, _mm512_loadu_ps)

/* Whether there is a loop for heads of this size. */
API int harken_has_heads_of(int head_dim) { return head_dim == 32 || head_dim == 64 || head_dim == 128; }

/* Attention under way; one of the two kinds. */
struct attending {
    const struct heads *h;
    float *qkv, *out;
    int rows, heads, head_dim;
    const int32_t *starts, *ends;
    size_t room; /* floats for the scores of one head */
    uint8_t *memory;
    _Atomic int next;
};

static void run_cached(void *context, int thread, int threads) {
    struct attending *run = context;
    const struct heads *h = run->h;
    int d = h->head_dim, group = h->heads / h->kv_heads, all = h->heads + 2 * h->kv_heads;
    float *scores = (float *)run->memory + 2 * run->room * thread;
    struct slice mine = share(run->rows, thread, threads);
    for (int row = mine.from; row < mine.to; row++) {
        float *q = run->qkv + (size_t)row * all * d, *k = q + h->heads * d, *v = k + h->kv_heads * d;
        for (int i = 0; i < h->heads; i++) turn(h, h->q_norm, h->positions[row], q + i * d);
        for (int i = 0; i < h->kv_heads; i++) {
            size_t at = cached_at(h, row, i) + (size_t)h->positions[row] * d;
            turn(h, h->k_norm, h->positions[row], k + i * d);
            store(k + i * d, d, h->keys + at);
            store(v + i * d, d, h->values + at);
        }
    }
    wait_for_all();
    /* Rows look at different numbers of keys, so whoever is free takes the next few heads. */
    for (int task; (task = atomic_fetch_add(&run->next, FEW)) < run->rows * h->kv_heads;)
        for (int i = task; i < task + FEW && i < run->rows * h->kv_heads; i++) {
            int row = i / h->kv_heads, kv = i % h->kv_heads;
            const float *q = run->qkv + ((size_t)row * all + kv * group) * d;
            float *to = run->out + ((size_t)row * h->heads + kv * group) * d;
            size_t at = cached_at(h, row, kv);
            attend_cached(d, q, group, h->keys + at, h->values + at, d, h->positions[row] + 1, scores, run->room, to);
        }
}

/* qkv: [rows, (heads + 2 kv_heads) * head_dim]. Normalises and rotates queries (in place) and keys, stores keys and
 * values at each row's place in the cache, then attends to all places of the row's slot up to its own.
 * out: [rows, heads * head_dim]. Rows of one slot may come in any order. Returns 0, or -1 without memory. */
API int harken_attend(const struct heads *h, float *qkv, int rows, float *out) {
    int threads = most_threads();
    struct attending run = {.h = h, .qkv = qkv, .out = out, .rows = rows};
    run.room = ((size_t)h->max_tokens + 15) / 16 * 16;
    run.memory = scratch(2 * run.room * sizeof(float) * threads);
    if (!run.memory) return -1;
    in_parallel(run_cached, &run, threads);
    return 0;
}

static void run_windows(void *context, int thread, int threads) {
    const struct attending *run = context;
    int d = run->head_dim;
    size_t width = (size_t)run->heads * d, stride = 3 * width;
    float *scores = (float *)run->memory + run->room * thread;
    struct slice mine = share(run->rows * run->heads, thread, threads);
    for (int i = mine.from; i < mine.to; i++) {
        int row = i % run->rows, head = i / run->rows;
        const float *keys = run->qkv + run->starts[row] * stride + width + head * d;
        attend_fresh(d, run->qkv + row * stride + head * d, 1, keys, keys + width, stride,
                     run->ends[row] - run->starts[row], scores, run->room, run->out + row * width + head * d);
    }
}

/* qkv: [rows, 3 * heads * head_dim]. Row r attends, in both directions, to the rows from starts[r] up to ends[r].
 * out: [rows, heads * head_dim]. Returns 0, or -1 without memory. */
API int harken_attend_windows(float *qkv, int rows, int heads, int head_dim, const int32_t *starts,
                              const int32_t *ends, int longest, float *out) {
    int threads = most_threads();
    struct attending run = {.qkv = qkv, .out = out, .rows = rows, .heads = heads, .head_dim = head_dim,
                            .starts = starts, .ends = ends, .room = ((size_t)longest + 15) / 16 * 16};
    run.memory = scratch(run.room * sizeof(float) * threads);
    if (!run.memory) return -1;
    in_parallel(run_windows, &run, threads);
    return 0;
}
