/* The threads of the kernels: one pool for the process, whose workers are awake while there is work.
 *
 * Why not OpenMP. It has a pool for every thread that calls it, and as soon as their members are more than the CPUs, as
 * with a model's and an aligner's thread, none of them waits awake any more: a sleep and a wake-up for each of the four
 * hundred barriers of a step cost 20 ms. Here callers take turns, kernel by kernel, and a worker looks for new work for
 * a fifth of a millisecond before it sleeps: longer than what lies between two kernels of a step.
 */
#define _GNU_SOURCE
#include "kernels.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 256, AWAKE_NS = 200000, LOOKS = 64, AWAKE_LOOKS = 10000 };

static struct {
    pthread_mutex_t turn;    /* held by the caller whose kernel runs */
    _Atomic int wanted;      /* threads of a kernel, the caller's included */
    int workers;             /* threads of our own so far */
    uint32_t hired_at[MOST]; /* the round in which each began, which it has no part in */
    task run;                /* the kernel, and for whom */
    void *context;
    int threads;
    _Atomic uint32_t round;  /* a new number with every kernel: workers wait for it to change */
    _Atomic int sleeping, unfinished;
    _Atomic int arrived;     /* at the barrier */
    _Atomic uint32_t phase;  /* a new number whenever all have arrived */
} pool = {.turn = PTHREAD_MUTEX_INITIALIZER, .wanted = 1};

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Wait awake for a number to change; false after `patience_ns`, true if it did. */
static int changes(_Atomic uint32_t *number, uint32_t old, int64_t patience_ns) {
    int64_t began = 0;
    for (;;) {
        for (int look = 0; look < LOOKS; look++) {
            if (atomic_load_explicit(number, memory_order_acquire) != old) return 1;
            __builtin_ia32_pause();
        }
        int64_t now = now_ns();
        if (!began) began = now;
        if (now - began > patience_ns) return 0;
    }
}

static void *work(void *argument) {
    int me = (int)(intptr_t)argument;
    uint32_t seen = pool.hired_at[me];
    for (;;) {
        if (!changes(&pool.round, seen, AWAKE_NS)) {
            atomic_fetch_add(&pool.sleeping, 1);
            while (atomic_load(&pool.round) == seen)
                syscall(SYS_futex, &pool.round, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
            atomic_fetch_sub(&pool.sleeping, 1);
        }
        seen = atomic_load_explicit(&pool.round, memory_order_acquire);
        if (me < pool.threads) pool.run(pool.context, me, pool.threads);
        atomic_fetch_sub_explicit(&pool.unfinished, 1, memory_order_release);
    }
    return NULL;
}

/* A child process has none of our threads. */
static void forget(void) {
    pool.workers = 0;
    atomic_store(&pool.sleeping, 0);
    atomic_store(&pool.arrived, 0);
    pthread_mutex_init(&pool.turn, NULL);
}

/* How many threads a kernel takes from now on; it ends up with fewer where the system gives no more. */
API void harken_set_threads(int threads) {
    atomic_store(&pool.wanted, threads < 1 ? 1 : threads > MOST ? MOST : threads);
}

static void hire(int workers) {
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    while (pool.workers < workers) {
        pthread_t thread;
        pool.hired_at[pool.workers + 1] = atomic_load(&pool.round);
        if (pthread_create(&thread, &detached, work, (void *)(intptr_t)(pool.workers + 1))) break;
        pool.workers++;
    }
    pthread_attr_destroy(&detached);
}

int most_threads(void) { return atomic_load(&pool.wanted); }

void in_parallel(task run, void *context, int at_most) {
    pthread_mutex_lock(&pool.turn);
    if (pool.workers < at_most - 1) hire(at_most - 1);
    int threads = pool.workers + 1 < at_most ? pool.workers + 1 : at_most;
    pool.run = run;
    pool.context = context;
    pool.threads = threads;
    if (threads > 1) {
        atomic_store(&pool.unfinished, pool.workers);
        atomic_fetch_add(&pool.round, 1);
        if (atomic_load(&pool.sleeping))
            syscall(SYS_futex, &pool.round, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    }
    run(context, 0, threads);
    for (int looks = 0; threads > 1 && atomic_load_explicit(&pool.unfinished, memory_order_acquire); looks++) {
        if (looks < AWAKE_LOOKS)
            __builtin_ia32_pause();
        else
            sched_yield(); /* somebody else has the CPU that a worker needs */
    }
    pthread_mutex_unlock(&pool.turn);
}

void wait_for_all(void) {
    if (pool.threads == 1) return;
    uint32_t phase = atomic_load(&pool.phase);
    if (atomic_fetch_add(&pool.arrived, 1) + 1 == pool.threads) {
        atomic_store(&pool.arrived, 0);
        atomic_store_explicit(&pool.phase, phase + 1, memory_order_release);
        return;
    }
    while (!changes(&pool.phase, phase, AWAKE_NS)) sched_yield();
}

struct slice share(int count, int thread, int threads) {
    struct slice mine = {(int)((int64_t)count * thread / threads), (int)((int64_t)count * (thread + 1) / threads)};
    return mine;
}

__attribute__((constructor)) static void prepare_for_forks(void) { pthread_atfork(NULL, NULL, forget); }
