/* The products and small steps of the network on x86 CPUs with AVX-512.
 *
 * Why this exists. A decode step reads every weight once; with torch's kernels it reads bfloat16 weights at half of what
 * the memory gives, and dozens of small operations per layer cost as much again (docs/engine.md has the figures). Here
 * weights are packed once into the order in which they are read, arithmetic is float32, and each matrix product takes
 * its normalisation or gate on the way in and its bias, GELU or residual on the way out.
 *
 * Layout. A weight [n, k] becomes panels of 32 outputs; within a panel, bfloat16 values lie in pairs of k
 * ([k/2][32][2]), int8 codes in fours ([k/4][32][4]), int4 codes in eights (low nibbles the first four). Quantised
 * panels are cut into groups of k; before each group's codes stand 32 scales s and 32 offsets m, a weight being s*q - m.
 * Inputs are re-ordered per tile of rows ([k][rows of the tile]), so that the inner loop walks through memory.
 *
 * The invariant that callers build on: an output depends on its own row alone, and the order of its additions on nothing
 * at all. A row's result is the same to the last bit in any batch, at any place of it, with any number of threads.
 *
 * Threads are those of pool.c.
 */
#pragma once
#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))
#define CPU __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma")))
#define CPU_DOT __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,fma")))
#define UNROLL _Pragma("GCC unroll 16")

enum { PANEL = 32, TALLEST = 12, GROUP8 = 128, GROUP4 = 64, NEAR = 2048, FAR = 16384 };
enum kind { BF16 = 0, INT8 = 1, INT4 = 2, BF16_DOT = 3 };
enum prologue { PLAIN = 0, RMS_NORM = 1, LAYER_NORM = 2, SWIGLU = 3, CONVOLVE = 4 };
enum epilogue { BIAS = 1, GELU = 2, ADD = 4 };

/* A product: y = epilogue(prologue(x) @ w^T). The same fields, in the same order, are declared in library.py. */
struct product {
    const void *w;          /* packed */
    const float *bias;      /* [n], with BIAS */
    const float *norm;      /* [k], with a norm */
    const float *norm_bias; /* [k], with LAYER_NORM */
    float eps;
    int kind, n, k, prologue, epilogue;
    /* With CONVOLVE, x is [images, height, width, channels], and k is kernel_height * kernel_width * channels. */
    int height, width, channels, kernel_height, kernel_width, stride_height, stride_width, padding;
};

/* One layer's view of the cache, and where each row belongs. The same fields are declared in library.py. */
struct heads {
    uint16_t *keys, *values;      /* [slots, kv_heads, max_tokens, head_dim] bfloat16 */
    const int32_t *slots;         /* [rows] */
    const int32_t *positions;     /* [rows] */
    const float *cosines, *sines; /* [positions, head_dim / 2] */
    const float *q_norm, *k_norm; /* [head_dim] */
    float eps;
    int heads, kv_heads, head_dim, max_tokens;
};

/* A decoder layer: its four products, and the norms of its heads. The same fields are declared in library.py. */
struct layer {
    struct product qkv, out, gate_up, down;
    const float *q_norm, *k_norm; /* [head_dim] */
};

static inline int ceil_div(int a, int b) { return (a + b - 1) / b; }
static inline int group_of(int kind) { return kind == INT8 ? GROUP8 : kind == INT4 ? GROUP4 : 2; }
static inline int tallest_of(int kind) { return kind == INT8 || kind == INT4 ? 6 : TALLEST; }

/* Bytes of one group of k of one panel: its scales and offsets, and its codes. */
static inline size_t group_bytes(int kind) {
    switch (kind) {
    case INT8: return PANEL * (8 + GROUP8);
    case INT4: return PANEL * (8 + GROUP4 / 2);
    default: return PANEL * 4;
    }
}
static inline size_t panel_bytes(int kind, int k) { return ceil_div(k, group_of(kind)) * group_bytes(kind); }

/* inputs.c: rows made ready for the inner loops. */
size_t row_bytes(int kind, int k);
void prepare(const struct product *p, const float *x, size_t x_stride, size_t row, float *out);
void place(int kind, const float *in, size_t stride, int k, int rows, uint8_t *tile);

/* tiles.c: the inner loops, by kind and by the height of the tile. */
typedef void (*tile_loop)(const uint8_t *tile, const uint8_t *w, int k, __m512 acc[][2]);
extern const tile_loop LOOPS[4][TALLEST + 1];

/* product.c: memory of the calling thread, kept from call to call. */
uint8_t *scratch(size_t bytes);

/* pool.c: a function that several threads run at the same time, each told its number and how many there are. */
typedef void (*task)(void *context, int thread, int threads);
struct slice { int from, to; };
int most_threads(void);
void in_parallel(task run, void *context, int at_most);
void wait_for_all(void); /* within it: until every thread has come to here */
struct slice share(int count, int thread, int threads); /* what of so many things is one thread's */

/* ---- small vector functions ------------------------------------------------------------------------------------- */

/* e^x to about 2 ulp: 2^round(x/ln 2) times a polynomial on the rest (Cephes' expf). */
CPU static inline __m512 exp16(__m512 x) {
    x = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(88.0f)), _mm512_set1_ps(-87.3f));
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.9875691500e-4f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
    p = _mm512_fmadd_ps(_mm512_mul_ps(p, r), r, _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
    return _mm512_scalef_ps(p, n);
}

/* x * sigmoid(x); a NaN stays one. */
CPU static inline __m512 silu16(__m512 x) {
    __m512 e = exp16(_mm512_sub_ps(_mm512_setzero_ps(), x));
    return _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1.0f), e));
}

/* GELU by erf (Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7). */
CPU static inline __m512 gelu16(__m512 x) {
    const __m512 one = _mm512_set1_ps(1.0f);
    __m512 z = _mm512_mul_ps(x, _mm512_set1_ps(0.70710678f));
    __m512 a = _mm512_abs_ps(z);
    __m512 t = _mm512_div_ps(one, _mm512_fmadd_ps(a, _mm512_set1_ps(0.3275911f), one));
    __m512 p = _mm512_set1_ps(1.061405429f);
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-1.453152027f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(1.421413741f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.284496736f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.254829592f));
    p = _mm512_mul_ps(p, t);
    __m512 tail = _mm512_mul_ps(p, exp16(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_mul_ps(a, a))));
    __mmask16 is_negative = _mm512_cmp_ps_mask(z, _mm512_setzero_ps(), _CMP_LT_OQ);
    /* (1 + erf) / 2 is tail/2 left of zero and 1 - tail/2 right of it: no cancellation on either side. */
    tail = _mm512_mul_ps(tail, _mm512_set1_ps(0.5f));
    return _mm512_mul_ps(x, _mm512_mask_blend_ps(is_negative, _mm512_sub_ps(one, tail), tail));
}

CPU static inline __mmask16 first(int lanes) { return lanes >= 16 ? 0xffff : (__mmask16)((1u << lanes) - 1); }

/* float32 to bfloat16, to nearest even; a NaN stays one. */
CPU static inline __m256i bf16_of(__m512 x) {
    __m512i bits = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __mmask16 is_nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    rounded = _mm512_mask_mov_epi32(rounded, is_nan, _mm512_set1_epi32(0x7fc00000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}
CPU static inline __m512 of_bf16(const uint16_t *p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}
