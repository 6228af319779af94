/* A stand-in for libnvidia-ml.so.1: the functions that harken.machine.gpus calls, with the documented signatures and
 * return codes. The environment says what the machine is like:
 *   STUB_NVML_INIT  the code that nvmlInit returns (18: the driver is of another version)
 *   STUB_NVML_HANG  nvmlInit never returns
 *   STUB_NVML_GPUS  one letter for each GPU: H an H100 with work on it, A an A100, T an old T4, M an A100 divided by MIG,
 *                   L one that is lost, Z one that is lost as soon as its memory is asked for, S one too old to know
 *                   utilisation and MIG
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { int index, part; } device;
typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned gpu, memory; } utilization;
enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, LOST = 15 };
#define GIB (1024ull * 1024 * 1024)

static device devices[32][9];

static const char *gpus(void) {
    const char *found = getenv("STUB_NVML_GPUS");
    return found ? found : "";
}

static char kind(const device *d) { return gpus()[d->index]; }

int nvmlInitWithFlags(unsigned flags) {
    const char *code = getenv("STUB_NVML_INIT");
    (void)flags;
    if (getenv("STUB_NVML_HANG")) for (;;) sleep(1000);
    return code ? atoi(code) : OK;
}

int nvmlShutdown(void) { return OK; }

const char *nvmlErrorString(int code) { return code == 18 ? "Driver/library version mismatch" : "Something else"; }

int nvmlSystemGetDriverVersion(char *out, unsigned size) {
    snprintf(out, size, "%s", "580.65.06");
    return OK;
}

int nvmlSystemGetCudaDriverVersion_v2(int *out) {
    const char *found = getenv("STUB_NVML_CUDA");
    *out = found ? atoi(found) : 13000;
    return OK;
}

int nvmlDeviceGetCount_v2(unsigned *out) {
    *out = strlen(gpus());
    return OK;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, device **out) {
    if (index >= strlen(gpus())) return INVALID;
    if (gpus()[index] == 'L') return LOST;
    *out = &devices[index][0];
    (*out)->index = (int)index;
    (*out)->part = -1;
    return OK;
}

int nvmlDeviceGetUUID(device *d, char *out, unsigned size) {
    if (d->part >= 0) snprintf(out, size, "MIG-%d%d000000-0000-0000-0000-000000000000", d->index, d->part);
    else snprintf(out, size, "GPU-%d%c000000-0000-0000-0000-000000000000", d->index, 'a' + d->index);
    return OK;
}

int nvmlDeviceGetName(device *d, char *out, unsigned size) {
    const char *name = "NVIDIA A100-SXM4-80GB";
    if (kind(d) == 'H') name = "NVIDIA H100 80GB HBM3";
    if (kind(d) == 'T') name = "Tesla T4";
    if (kind(d) == 'S') name = "Tesla K80";
    snprintf(out, size, "%s", name);
    return OK;
}

int nvmlDeviceGetCudaComputeCapability(device *d, int *major, int *minor) {
    *major = kind(d) == 'H' ? 9 : kind(d) == 'T' ? 7 : kind(d) == 'S' ? 3 : 8;
    *minor = kind(d) == 'T' ? 5 : kind(d) == 'S' ? 7 : 0;
    return OK;
}

int nvmlDeviceGetMemoryInfo(device *d, memory *out) {
    if (kind(d) == 'Z') return LOST;
    out->total = d->part >= 0 ? 10 * GIB : kind(d) == 'T' ? 15 * GIB : kind(d) == 'S' ? 11 * GIB : 80 * GIB;
    out->used = kind(d) == 'H' ? 30 * GIB : GIB / 2;
    out->free = out->total - out->used;
    return OK;
}

int nvmlDeviceGetUtilizationRates(device *d, utilization *out) {
    if (kind(d) == 'S' || kind(d) == 'M') return NOT_SUPPORTED;
    out->gpu = kind(d) == 'H' ? 87 : 0;
    out->memory = 0;
    return OK;
}

int nvmlDeviceGetMigMode(device *d, unsigned *current, unsigned *pending) {
    if (kind(d) == 'T' || kind(d) == 'S') return NOT_SUPPORTED;
    *current = *pending = kind(d) == 'M';
    return OK;
}

int nvmlDeviceGetMaxMigDeviceCount(device *d, unsigned *out) {
    *out = kind(d) == 'M' ? 7 : 0;
    return OK;
}

/* Two parts, with a gap between them as after one was removed. */
int nvmlDeviceGetMigDeviceHandleByIndex(device *d, unsigned index, device **out) {
    if (index != 0 && index != 2) return NOT_FOUND;
    *out = &devices[d->index][index + 1];
    (*out)->index = d->index;
    (*out)->part = (int)index;
    return OK;
}
