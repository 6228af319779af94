/* The inner loops: a tile of R rows times a panel of 32 outputs, for each kind of weights; and which is faster here. */
#include "kernels.h"
#include <time.h>

/* Weights come from memory once per step. Fetched far ahead into the second-level cache and nearer into the first, they
 * come about a twentieth faster than by either alone. */
#define FETCH(p, hint) _mm_prefetch((const char *)(p), hint); _mm_prefetch((const char *)(p) + 64, hint)
#define AHEAD_OF(p) FETCH((p) + FAR, _MM_HINT_T2); FETCH((p) + NEAR, _MM_HINT_T0)

#define TILE_BF16(R)                                                                                                   \
    CPU static void bf16_##R(const uint8_t *tile, const uint8_t *w, int k, __m512 acc[][2]) {                         \
        const float *x = (const float *)tile;                                                                         \
        const __m512i high = _mm512_set1_epi32((int)0xffff0000);                                                      \
        __m512 a[R][2];                                                                                               \
        UNROLL for (int r = 0; r < R; r++) a[r][0] = a[r][1] = _mm512_setzero_ps();                                   \
        for (int pair = 0; pair < (k + 1) / 2; pair++, w += 128, x += 2 * R) {                                        \
            AHEAD_OF(w);                                                                                              \
            __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + 64);                                      \
            __m512 e0 = _mm512_castsi512_ps(_mm512_slli_epi32(w0, 16));                                               \
            __m512 e1 = _mm512_castsi512_ps(_mm512_slli_epi32(w1, 16));                                               \
            UNROLL for (int r = 0; r < R; r++) {                                                                      \
                __m512 b = _mm512_set1_ps(x[r]);                                                                      \
                a[r][0] = _mm512_fmadd_ps(e0, b, a[r][0]), a[r][1] = _mm512_fmadd_ps(e1, b, a[r][1]);                 \
            }                                                                                                         \
            e0 = _mm512_castsi512_ps(_mm512_and_si512(w0, high));                                                     \
            e1 = _mm512_castsi512_ps(_mm512_and_si512(w1, high));                                                     \
            UNROLL for (int r = 0; r < R; r++) {                                                                      \
                __m512 b = _mm512_set1_ps(x[R + r]);                                                                  \
                a[r][0] = _mm512_fmadd_ps(e0, b, a[r][0]), a[r][1] = _mm512_fmadd_ps(e1, b, a[r][1]);                 \
            }                                                                                                         \
        }                                                                                                             \
        UNROLL for (int r = 0; r < R; r++) acc[r][0] = a[r][0], acc[r][1] = a[r][1];                                  \
    }

#define TILE_DOT(R)                                                                                                    \
    CPU_DOT static void dot_##R(const uint8_t *tile, const uint8_t *w, int k, __m512 acc[][2]) {                      \
        const uint32_t *x = (const uint32_t *)tile;                                                                   \
        __m512 a[R][2];                                                                                               \
        UNROLL for (int r = 0; r < R; r++) a[r][0] = a[r][1] = _mm512_setzero_ps();                                   \
        for (int pair = 0; pair < (k + 1) / 2; pair++, w += 128, x += R) {                                            \
            AHEAD_OF(w);                                                                                              \
            __m512bh w0 = (__m512bh)_mm512_loadu_si512(w), w1 = (__m512bh)_mm512_loadu_si512(w + 64);                 \
            UNROLL for (int r = 0; r < R; r++) {                                                                      \
                __m512bh b = (__m512bh)_mm512_set1_epi32((int)x[r]);                                                  \
                a[r][0] = _mm512_dpbf16_ps(a[r][0], w0, b), a[r][1] = _mm512_dpbf16_ps(a[r][1], w1, b);               \
            }                                                                                                         \
        }                                                                                                             \
        UNROLL for (int r = 0; r < R; r++) acc[r][0] = a[r][0], acc[r][1] = a[r][1];                                  \
    }

/* sum over groups of  sx * (s * sum(q * code) - m * sum(code)),  sx being the scale of the row's own codes. */
#define CLOSE_GROUP(R)                                                                                                 \
    UNROLL for (int r = 0; r < R; r++) {                                                                              \
        __m512 sx = _mm512_set1_ps(scales[r]), sum = _mm512_set1_ps(sums[r]);                                         \
        a[r][0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(c[r][0]), _mm512_mul_ps(s0, sx), a[r][0]);                       \
        a[r][1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(c[r][1]), _mm512_mul_ps(s1, sx), a[r][1]);                       \
        a[r][0] = _mm512_fnmadd_ps(m0, sum, a[r][0]), a[r][1] = _mm512_fnmadd_ps(m1, sum, a[r][1]);                   \
    }                                                                                                                 \
    scales += R, sums += R;

#define OPEN_GROUPS(R, SIZE)                                                                                           \
    int groups = (k + SIZE - 1) / SIZE;                                                                               \
    const float *scales = (const float *)tile, *sums = scales + groups * R;                                           \
    const int32_t *x = (const int32_t *)(sums + groups * R);                                                          \
    __m512 a[R][2];                                                                                                   \
    UNROLL for (int r = 0; r < R; r++) a[r][0] = a[r][1] = _mm512_setzero_ps();

#define OPEN_GROUP(R)                                                                                                  \
    __m512 s0 = _mm512_loadu_ps(w), s1 = _mm512_loadu_ps(w + 64);                                                     \
    __m512 m0 = _mm512_loadu_ps(w + 128), m1 = _mm512_loadu_ps(w + 192);                                              \
    __m512i c[R][2];                                                                                                  \
    UNROLL for (int r = 0; r < R; r++) c[r][0] = c[r][1] = _mm512_setzero_si512();                                    \
    w += 256;

#define TILE_INT8(R)                                                                                                   \
    CPU static void int8_##R(const uint8_t *tile, const uint8_t *w, int k, __m512 acc[][2]) {                         \
        OPEN_GROUPS(R, GROUP8)                                                                                        \
        for (int g = 0; g < groups; g++) {                                                                            \
            OPEN_GROUP(R)                                                                                             \
            for (int i = 0; i < GROUP8 / 4; i++, w += 128, x += R) {                                                  \
                AHEAD_OF(w);                                                                                          \
                __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + 64);                                  \
                UNROLL for (int r = 0; r < R; r++) {                                                                  \
                    __m512i b = _mm512_set1_epi32(x[r]);                                                              \
                    c[r][0] = _mm512_dpbusd_epi32(c[r][0], w0, b), c[r][1] = _mm512_dpbusd_epi32(c[r][1], w1, b);     \
                }                                                                                                     \
            }                                                                                                         \
            CLOSE_GROUP(R)                                                                                            \
        }                                                                                                             \
        UNROLL for (int r = 0; r < R; r++) acc[r][0] = a[r][0], acc[r][1] = a[r][1];                                  \
    }

#define TILE_INT4(R)                                                                                                   \
    CPU static void int4_##R(const uint8_t *tile, const uint8_t *w, int k, __m512 acc[][2]) {                         \
        const __m512i low = _mm512_set1_epi8(15);                                                                     \
        OPEN_GROUPS(R, GROUP4)                                                                                        \
        for (int g = 0; g < groups; g++) {                                                                            \
            OPEN_GROUP(R)                                                                                             \
            for (int i = 0; i < GROUP4 / 8; i++, w += 128, x += 2 * R) {                                              \
                AHEAD_OF(w);                                                                                          \
                __m512i both0 = _mm512_loadu_si512(w), both1 = _mm512_loadu_si512(w + 64);                            \
                __m512i w0 = _mm512_and_si512(both0, low), w1 = _mm512_and_si512(both1, low);                         \
                UNROLL for (int r = 0; r < R; r++) {                                                                  \
                    __m512i b = _mm512_set1_epi32(x[r]);                                                              \
                    c[r][0] = _mm512_dpbusd_epi32(c[r][0], w0, b), c[r][1] = _mm512_dpbusd_epi32(c[r][1], w1, b);     \
                }                                                                                                     \
                w0 = _mm512_and_si512(_mm512_srli_epi16(both0, 4), low);                                              \
                w1 = _mm512_and_si512(_mm512_srli_epi16(both1, 4), low);                                              \
                UNROLL for (int r = 0; r < R; r++) {                                                                  \
                    __m512i b = _mm512_set1_epi32(x[R + r]);                                                          \
                    c[r][0] = _mm512_dpbusd_epi32(c[r][0], w0, b), c[r][1] = _mm512_dpbusd_epi32(c[r][1], w1, b);     \
                }                                                                                                     \
            }                                                                                                         \
            CLOSE_GROUP(R)                                                                                            \
        }                                                                                                             \
        UNROLL for (int r = 0; r < R; r++) acc[r][0] = a[r][0], acc[r][1] = a[r][1];                                  \
    }

#define TO_SIX(TILE) TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#define TO_TWELVE(TILE) TO_SIX(TILE) TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
TO_TWELVE(TILE_BF16)
TO_TWELVE(TILE_DOT)
TO_SIX(TILE_INT8)
TO_SIX(TILE_INT4)

const tile_loop LOOPS[4][TALLEST + 1] = {
    {0, bf16_1, bf16_2, bf16_3, bf16_4, bf16_5, bf16_6, bf16_7, bf16_8, bf16_9, bf16_10, bf16_11, bf16_12},
    {0, int8_1, int8_2, int8_3, int8_4, int8_5, int8_6},
    {0, int4_1, int4_2, int4_3, int4_4, int4_5, int4_6},
    {0, dot_1, dot_2, dot_3, dot_4, dot_5, dot_6, dot_7, dot_8, dot_9, dot_10, dot_11, dot_12},
};

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* How many times faster the bfloat16 dot product is than two multiplications in float32, on this machine: it ranges from
 * half (Intel without AMX) to twice (AMD since Zen 4). 0 where the machine has none. */
CPU_DOT static double time_loop(tile_loop loop, const uint8_t *x, const uint8_t *w) {
    double best = 1e9;
    for (int i = 0; i < 20; i++) {
        __m512 acc[TALLEST][2];
        double began = seconds();
        loop(x, w, 256, acc);
        __asm__ volatile("" ::"m"(acc));
        double took = seconds() - began;
        best = took < best ? took : best;
    }
    return best;
}
API double harken_dot_gain(void) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512bf16")) return 0;
    uint8_t *memory = calloc(1, 65536);
    if (!memory) return 0;
    double plain = time_loop(bf16_12, memory, memory + 32768), dot = time_loop(dot_12, memory, memory + 32768);
    free(memory);
    return plain / dot;
}
