/* A stand-in for libcupti, libcuda, libcudart and libnvToolsExt in one library, for tests on machines without a GPU.
 *
 * It follows the documented behaviour of the real ones as far as the collector depends on it: buffers are asked for and
 * given back on threads of the library's own, records are as long as those of the version that it plays, and it can be
 * told to drop, to fail and to hand out what nobody knows. Kernels are played by the caller's thread.
 *
 * Tests steer it through standin_set, and count with standin_get. Build: gcc -shared -fPIC -pthread.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
typedef int (*request_fn)(uint8_t **, size_t *, size_t *);
typedef void (*complete_fn)(void *, uint32_t, uint8_t *, size_t, size_t);

/* What tests set. */
enum { VERSION, DEVICES, ENABLE_RESULT, SUBSCRIBE_RESULT, INIT_RESULT, PER_THREAD, UNKNOWN, DROP, LATE_API, SYNC_MS, FLUSH_MS,
       STOP_STORM, ZERO_TIMES, CLOCK_STEP, HOLD_KERNELS, SETTINGS };
/* What tests read. */
enum { LAUNCHES = 100, ENABLED, SUBSCRIBED, REGISTERED, OUTSTANDING, PROFILER_STARTS, PROFILER_STOPS, RANGES, DEPTH, SYNCS, PUSHED,
       REFUSED, LOADED };

static int64_t settings[SETTINGS] = {[VERSION] = 26, [DEVICES] = 1};
static int64_t launches, syncs, profiler_starts, profiler_stops, ranges, range_depth, subscribed, registered, outstanding, refused;
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static request_fn request;
static complete_fn complete;
static uint8_t enabled[64];
static uint32_t correlation;
static size_t dropped;

/* Records, as their makers document them; the offsets that matter are asserted. */
#pragma pack(push, 8)
typedef struct {
  uint32_t kind; uint8_t cache, shared; uint16_t registers; uint32_t partitioned_req, partitioned_exec;
  uint64_t start, end, completed; uint32_t device, context, stream; int32_t grid[3], block[3], static_shared, dynamic_shared;
  uint32_t local_per_thread, local_total, correlation; int64_t grid_id; const char *name; void *reserved0;
  uint64_t queued, submitted; uint8_t launch_type, carveout_req, carveout, pad; uint32_t shared_executed;
  uint64_t graph_node; uint32_t shmem_limit, graph; void *policy; uint32_t channel, channel_type, cluster[3], cluster_policy;
  uint64_t local_total2; uint32_t max_potential_cluster, max_active_clusters; /* 208: CUDA 12 */
  uint8_t device_launched, pad2[7]; int32_t priority; uint32_t pad3, model, pad4, source_graph, pad6; uint64_t source_node; /* 13 */
} kernel_t;
typedef struct {
  uint32_t kind; uint8_t copy, src, dst, flags; uint64_t bytes, start, end; uint32_t device, context, stream, correlation,
  runtime_correlation, pad; void *reserved0; uint64_t graph_node; uint32_t graph, channel, channel_type, pad2; /* 88 */
  uint64_t count; uint64_t more[2];
} memcpy_t;
typedef struct {
  uint32_t kind; uint8_t copy, src, dst, flags; uint64_t bytes, start, end; uint32_t device, context, stream, src_device,
  src_context, dst_device, dst_context, correlation; void *reserved0; uint64_t graph_node; uint32_t graph, channel, channel_type, pad;
} peer_t;
typedef struct {
  uint32_t kind, value; uint64_t bytes, start, end; uint32_t device, context, stream, correlation; uint16_t flags, memory;
  uint32_t pad0; void *reserved0; uint64_t graph_node; uint32_t graph, channel, channel_type, pad2; uint64_t more[2];
} memset_t;
typedef struct { uint32_t kind, cbid; uint64_t start, end; uint32_t process, thread, correlation, returned; } api_t;
typedef struct { uint32_t kind, external_kind; uint64_t id; uint32_t correlation, reserved; } external_t;
typedef struct { uint32_t kind, type; uint64_t start, end; uint32_t correlation, context, stream, event; uint64_t sync_id;
  uint32_t returned, pad; } sync_t;
typedef struct { uint32_t kind, overhead, object_kind, object[3]; uint64_t start, end; uint32_t correlation, pad; void *data; } overhead_t;
typedef struct { uint32_t kind, context, device; uint16_t api, null_stream; uint32_t more[4]; } context_t;
typedef struct { uint32_t kind, context, stream, priority, flag, correlation; } stream_t;
typedef struct { uint32_t kind; uint8_t bytes[60]; } unknown_t;
#pragma pack(pop)
_Static_assert(offsetof(kernel_t, name) == 104 && offsetof(kernel_t, local_total2) == 192 && offsetof(kernel_t, device_launched) == 208 && offsetof(kernel_t, priority) == 216 && offsetof(kernel_t, source_graph) == 232 && sizeof(kernel_t) == 248, "kernel");
_Static_assert(offsetof(memcpy_t, correlation) == 44 && offsetof(memcpy_t, count) == 88, "memcpy");
_Static_assert(offsetof(peer_t, correlation) == 60 && sizeof(peer_t) == 96, "peer");
_Static_assert(offsetof(memset_t, memory) == 50 && offsetof(memset_t, graph_node) == 64, "memset");
_Static_assert(sizeof(api_t) == 40 && sizeof(external_t) == 24 && offsetof(sync_t, event) == 36 && sizeof(sync_t) == 56, "api");
_Static_assert(offsetof(overhead_t, start) == 24 && offsetof(overhead_t, correlation) == 40, "overhead");

static int thirteen(void) { return settings[VERSION] >= 130000; }

static size_t size_of(uint32_t kind) { /* as the version has it */
  int v = (int)settings[VERSION];
  switch (kind) {
  case 10: return v >= 130400 ? sizeof(kernel_t) : v >= 130200 ? 232 : v >= 130100 ? 224 : thirteen() ? 216 : 208;
  case 1: return v >= 130400 ? 112 : v >= 26 ? 96 : 88;
  case 22: return sizeof(peer_t);
  case 2: return v >= 130400 ? 104 : 88;
  case 4: case 5: return sizeof(api_t);
  case 39: return sizeof(external_t);
  case 38: return v >= 26 ? 56 : 40;
  case 17: return v >= 22 ? 56 : 48;
  case 9: return v >= 130000 ? 32 : 16;
  case 37: return sizeof(stream_t);
  }
  return sizeof(unknown_t);
}

EXPORT void standin_set(int what, int64_t v) {
  pthread_mutex_lock(&mu);
  settings[what] = v;
  pthread_mutex_unlock(&mu);
}

/* Buffers. One for all, or one a thread. */
typedef struct buffer { uint8_t *p; size_t size, used, records, most; uint32_t tag; struct buffer *next; } buffer_t;
static buffer_t *buffers;
static __thread uint32_t tag;
static uint32_t tags;

typedef struct { uint8_t **p; size_t *size, *most; } ask_t;
static void *ask(void *a) { ask_t *x = a; request(x->p, x->size, x->most); return 0; }
typedef struct { uint8_t *p; size_t size, used; } give_t;
static void *give(void *a) { give_t *x = a; complete(0, 0, x->p, x->size, x->used); return 0; }

/* On a thread of its own, unless buffers belong to threads: then on the application's. */
static void run(void *(*f)(void *), void *a) {
  pthread_t t;
  if (settings[PER_THREAD] || pthread_create(&t, 0, f, a) != 0) { f(a); return; }
  pthread_join(t, 0);
}

static void finish(buffer_t *b) {
  give_t g = {b->p, b->size, b->used};
  run(give, &g);
  __atomic_sub_fetch(&outstanding, 1, __ATOMIC_SEQ_CST);
  free(b);
}

static buffer_t *current(size_t need) { /* mu held */
  uint32_t want = settings[PER_THREAD] ? (tag ? tag : (tag = ++tags)) : 0;
  for (buffer_t **at = &buffers; *at; at = &(*at)->next) {
    buffer_t *b = *at;
    if (b->tag != want) continue;
    if (b->used + need <= b->size && (b->most == 0 || b->records < b->most)) return b;
    *at = b->next;
    pthread_mutex_unlock(&mu);
    finish(b);
    pthread_mutex_lock(&mu);
    break;
  }
  buffer_t *b = calloc(1, sizeof *b);
  ask_t a = {&b->p, &b->size, &b->most};
  pthread_mutex_unlock(&mu);
  run(ask, &a);
  pthread_mutex_lock(&mu);
  if (!b->p || b->size < need) { refused++; free(b); return 0; }
  __atomic_add_fetch(&outstanding, 1, __ATOMIC_SEQ_CST);
  b->tag = want;
  b->next = buffers;
  return buffers = b;
}

static void put(const void *record, uint32_t kind) {
  if (!enabled[kind] || !request) return;
  size_t n = size_of(kind);
  pthread_mutex_lock(&mu);
  if (settings[DROP] > 0) {
    settings[DROP]--;
    dropped++;
  } else {
    buffer_t *b = current(n);
    if (!b) dropped++;
    else {
      memset(b->p + b->used, 0xEE, n); /* what the collector does not know must not matter */
      memcpy(b->p + b->used, record, n);
      b->used += n;
      b->records++;
    }
  }
  int odd = settings[UNKNOWN] && kind != 60;
  pthread_mutex_unlock(&mu);
  if (odd) {
    unknown_t u = {.kind = 60};
    enabled[60] = 1;
    put(&u, 60);
  }
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec + (uint64_t)settings[CLOCK_STEP];
}

/* CUPTI. */
static const int known[] = {1, 2, 4, 5, 8, 9, 10, 17, 22, 36, 37, 38, 39, 51, 0};
EXPORT int cuptiGetVersion(uint32_t *v) { *v = (uint32_t)settings[VERSION]; return 0; }
EXPORT int cuptiGetTimestamp(uint64_t *t) { *t = now(); return 0; }
EXPORT int cuptiSubscribe(void **s, void *callback, void *data) {
  (void)callback; (void)data;
  if (settings[SUBSCRIBE_RESULT]) return (int)settings[SUBSCRIBE_RESULT];
  if (subscribed) return 39;
  subscribed = 1;
  *s = &subscribed;
  return 0;
}
EXPORT int cuptiUnsubscribe(void *s) { (void)s; subscribed = 0; return 0; }
EXPORT int cuptiActivityRegisterCallbacks(request_fn r, complete_fn c) { request = r; complete = c; registered++; return 0; }
EXPORT int cuptiActivityEnable(int kind) {
  if (settings[ENABLE_RESULT]) return (int)settings[ENABLE_RESULT];
  for (const int *k = known; *k; k++)
    if (*k == kind) {
      enabled[kind] = 1;
      if (kind == 9) { context_t c = {.kind = 9, .context = 1, .device = 0, .null_stream = 7}; put(&c, 9); }
      if (kind == 37) { stream_t s = {.kind = 37, .context = 1, .stream = 13, .priority = 1, .flag = 2}; put(&s, 37); }
      return 0;
    }
  return 21;
}
EXPORT int cuptiActivityDisable(int kind) { enabled[kind] = 0; return 0; }
EXPORT int cuptiSetThreadIdType(int type) { return type == 1 ? 0 : 1; }
EXPORT int cuptiActivityGetNumDroppedRecords(void *context, uint32_t stream, size_t *n) {
  (void)context; (void)stream;
  pthread_mutex_lock(&mu);
  *n = dropped;
  dropped = 0;
  pthread_mutex_unlock(&mu);
  return 0;
}
EXPORT int cuptiActivityGetNextRecord(uint8_t *buffer, size_t valid, uint8_t **record) {
  uint8_t *at = *record ? *record + size_of(*(uint32_t *)*record) : buffer;
  if (at >= buffer + valid) return 12;
  *record = at;
  return 0;
}

static void *storm(void *a) { /* callbacks while everything ends */
  overhead_t o = {.kind = 17, .overhead = 1 << 16, .object_kind = 2, .start = now(), .end = now()};
  for (int i = 0; i < 200; i++) put(&o, 17);
  return a;
}

static kernel_t held[64];
static int held_n;

EXPORT int cuptiActivityFlushAll(uint32_t flag) {
  if (settings[ENABLE_RESULT]) return (int)settings[ENABLE_RESULT];
  if (settings[FLUSH_MS]) usleep((useconds_t)settings[FLUSH_MS] * 1000);
  pthread_t t;
  int storming = flag == 1 && settings[STOP_STORM] && pthread_create(&t, 0, storm, 0) == 0;
  if (flag == 1)
    for (; held_n > 0; held_n--) put(&held[held_n - 1], 10);
  for (;;) {
    pthread_mutex_lock(&mu);
    buffer_t **last = &buffers; /* the oldest first */
    while (*last && (*last)->next) last = &(*last)->next;
    buffer_t *b = *last;
    *last = 0;
    pthread_mutex_unlock(&mu);
    if (!b) break;
    finish(b);
  }
  if (storming) pthread_join(t, 0);
  return 0;
}
EXPORT int cuptiActivityFlushPeriod(uint32_t ms) { (void)ms; return 0; }
EXPORT int cuptiGetCallbackName(int domain, uint32_t cbid, const char **name) {
  if (domain == 2 && cbid == 211) { *name = "cudaLaunchKernel_v7000"; return 0; }
  if (domain == 1 && cbid == 307) { *name = "cuLaunchKernel"; return 0; }
  if (domain == 1 && cbid == 279) { *name = "cuMemcpyHtoDAsync_v2"; return 0; }
  if (domain == 1 && cbid == 281) { *name = "cuMemcpyDtoHAsync_v2"; return 0; }
  if (domain == 1 && cbid == 253) { *name = "cuMemsetD8Async"; return 0; }
  if (domain == 1 && cbid == 126) { *name = "cuStreamSynchronize"; return 0; }
  return 1;
}

static __thread uint64_t stack[64];
static __thread int top;
static int64_t pushed;
EXPORT int cuptiActivityPushExternalCorrelationId(int kind, uint64_t id) {
  if (kind != 3 || top >= 64) return 1;
  stack[top++] = id;
  __atomic_add_fetch(&pushed, 1, __ATOMIC_SEQ_CST);
  return 0;
}
EXPORT int cuptiActivityPopExternalCorrelationId(int kind, uint64_t *last) {
  if (kind != 3 || top == 0) return 18;
  *last = stack[--top];
  return 0;
}

/* The driver. */
static uint32_t call(uint32_t cbid, uint64_t start) {
  uint32_t c = __atomic_add_fetch(&correlation, 1, __ATOMIC_SEQ_CST);
  external_t e = {.kind = 39, .external_kind = 3, .correlation = c};
  if (top) {
    e.id = stack[top - 1];
    put(&e, 39);
  }
  api_t a = {.kind = 4, .cbid = cbid, .start = start, .process = (uint32_t)getpid(), .thread = (uint32_t)syscall(SYS_gettid), .correlation = c};
  a.end = now();
  put(&a, 4);
  return c;
}

EXPORT int cuInit(unsigned f) { (void)f; return (int)settings[INIT_RESULT]; }
EXPORT int cuDriverGetVersion(int *v) { *v = thirteen() ? 13000 : 12080; return 0; }
EXPORT int cuDeviceGetCount(int *n) { *n = (int)settings[DEVICES]; return 0; }
EXPORT int cuDeviceGet(int *d, int i) { *d = i; return 0; }
EXPORT int cuDeviceGetName(char *s, int n, int d) { (void)d; strncpy(s, "Stand-in", (size_t)n); return 0; }
EXPORT int cuDeviceTotalMem_v2(size_t *n, int d) { (void)d; *n = (size_t)80 << 30; return 0; }
EXPORT int cuDeviceGetUuid(char u[16], int d) { for (int i = 0; i < 16; i++) u[i] = (char)(i + d); return 0; }
EXPORT int cuDeviceGetPCIBusId(char *s, int n, int d) { (void)d; strncpy(s, "0000:01:00.0", (size_t)n); return 0; }
EXPORT int cuDeviceGetAttribute(int *v, int a, int d) {
  (void)d;
  if (a == 13) return 1; /* as a card that does not say */
  *v = a == 75 ? 9 : a == 76 ? 0 : a == 16 ? 132 : a == 10 ? 32 : 1000 + a;
  return 0;
}
static __thread void *bound;
EXPORT int cuCtxGetCurrent(void **c) { *c = bound; return 0; }
EXPORT int cuCtxSetCurrent(void *c) { bound = c; return 0; }
EXPORT int cuCtxPushCurrent_v2(void *c) { bound = c; return 0; }
EXPORT int cuCtxPopCurrent_v2(void **c) { *c = bound; bound = 0; return 0; }
EXPORT int cuDevicePrimaryCtxGetState(int d, unsigned *f, int *active) { (void)d; *f = 0; *active = 1; return 0; }
EXPORT int cuDevicePrimaryCtxRetain(void **c, int d) { (void)d; *c = &launches; return 0; }
EXPORT int cuDevicePrimaryCtxRelease_v2(int d) { (void)d; return 0; }
EXPORT int cuCtxSynchronize(void) {
  if (settings[SYNC_MS]) usleep((useconds_t)settings[SYNC_MS] * 1000);
  __atomic_add_fetch(&syncs, 1, __ATOMIC_SEQ_CST);
  return 0;
}
EXPORT int cuModuleLoadData(void **m, const void *image) { *m = (void *)image; return 0; }
EXPORT int cuModuleUnload(void *m) { (void)m; return 0; }
EXPORT int cuModuleGetFunction(void **f, void *m, const char *name) { (void)m; *f = strdup(name); return 0; }
EXPORT int cuMemAlloc_v2(uint64_t *p, size_t n) { *p = (uint64_t)calloc(1, n); return *p ? 0 : 2; }
EXPORT int cuMemFree_v2(uint64_t p) { free((void *)p); return 0; }
EXPORT int cuStreamCreate(void **s, unsigned flags) { (void)flags; *s = (void *)13; return 0; }
EXPORT int cuStreamDestroy_v2(void *s) { (void)s; return 0; }

static void launched(uint32_t c, const char *name, uint32_t stream, uint32_t device, const unsigned g[3], const unsigned b[3], unsigned shared) {
  kernel_t k = {.kind = 10, .registers = 24, .device = device, .context = 1 + device, .stream = stream, .correlation = c, .name = name,
    .dynamic_shared = (int32_t)shared, .static_shared = 512, .local_per_thread = 16, .local_total = 4096, .grid_id = c, .cache = 1,
    .shared_executed = 1024, .local_total2 = 4096, .priority = -1, .cluster = {1, 1, 1}, .channel = 3};
  for (int i = 0; i < 3; i++) { k.grid[i] = (int32_t)g[i]; k.block[i] = (int32_t)b[i]; }
  if (!settings[ZERO_TIMES]) { k.start = now(); k.end = k.start + 1500; }
  if (settings[HOLD_KERNELS] && held_n < 64) { held[held_n++] = k; return; }
  put(&k, 10);
}

EXPORT int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                          void *stream, void **params, void **extra) {
  (void)extra;
  uint64_t start = now();
  const unsigned g[] = {gx, gy, gz}, b[] = {bx, by, bz};
  if (params && strcmp(f, "scale") == 0) { /* y[i] = a * y[i] */
    float *y = *(float **)params[0], a = *(float *)params[1];
    uint32_t n = *(uint32_t *)params[2];
    for (uint32_t i = 0; i < n && i < gx * bx; i++) y[i] *= a;
  }
  __atomic_add_fetch(&launches, 1, __ATOMIC_SEQ_CST);
  if (settings[LATE_API]) { /* the device's record comes before the call's */
    uint32_t c = __atomic_load_n(&correlation, __ATOMIC_SEQ_CST) + 1;
    launched(c, f, (uint32_t)(uintptr_t)stream, 0, g, b, shared);
    call(307, start);
    return 0;
  }
  launched(call(307, start), f, (uint32_t)(uintptr_t)stream, 0, g, b, shared);
  return 0;
}
static int copied(void *to, const void *from, size_t n, uint32_t cbid, uint8_t kind, uint8_t src, uint8_t dst, void *stream) {
  uint64_t start = now();
  memcpy(to, from, n);
  uint32_t c = call(cbid, start);
  memcpy_t m = {.kind = 1, .copy = kind, .src = src, .dst = dst, .flags = 1, .bytes = n, .start = now(), .context = 1,
    .stream = (uint32_t)(uintptr_t)stream, .correlation = c, .count = n > 4095 ? 3 : 1};
  m.end = m.start + n / 16 + 2500; /* as on a card, none is under 1 us */
  put(&m, 1);
  return 0;
}
EXPORT int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t n, void *s) { return copied((void *)to, from, n, 279, 1, 1, 3, s); }
EXPORT int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t n, void *s) { return copied(to, (void *)from, n, 281, 2, 3, 2, s); }
EXPORT int cuMemsetD8Async(uint64_t p, unsigned char v, size_t n, void *s) {
  uint64_t start = now();
  memset((void *)p, v, n);
  memset_t m = {.kind = 2, .value = v, .bytes = n, .context = 1, .stream = (uint32_t)(uintptr_t)s, .memory = 3};
  m.correlation = call(253, start);
  m.start = now();
  m.end = m.start + 800;
  put(&m, 2);
  return 0;
}
EXPORT int cuStreamSynchronize(void *s) {
  uint64_t start = now();
  usleep(3);
  sync_t y = {.kind = 38, .type = 3, .context = 1, .stream = (uint32_t)(uintptr_t)s, .event = 0xFFFFFFFF, .start = start, .end = now()};
  y.correlation = call(126, start);
  put(&y, 38);
  return 0;
}
/* What no caller of the driver makes here: a call of the runtime, a copy between two devices, overhead. */
EXPORT void standin_more(void) {
  uint64_t t = now();
  api_t a = {.kind = 5, .cbid = 211, .start = t, .end = t + 100, .thread = (uint32_t)syscall(SYS_gettid), .correlation = 900001, .returned = 2};
  put(&a, 5);
  a.cbid = 9999;
  a.correlation = 900002;
  a.returned = 0;
  put(&a, 5);
  peer_t p = {.kind = 22, .copy = 10, .src = 3, .dst = 3, .bytes = 64, .start = t, .end = t + 10, .device = 0, .context = 1, .stream = 7,
    .src_device = 0, .src_context = 1, .dst_device = 1, .dst_context = 2, .correlation = 900003};
  put(&p, 22);
  overhead_t o = {.kind = 17, .overhead = 1 << 16, .object_kind = 2, .start = t, .end = t + 50};
  o.object[0] = (uint32_t)getpid();
  o.object[1] = (uint32_t)syscall(SYS_gettid);
  put(&o, 17);
  sync_t y = {.kind = 38, .type = 1, .context = 2, .stream = 0xFFFFFFFF, .event = 5, .sync_id = 6, .start = t, .end = t + 1, .correlation = 900004};
  put(&y, 38);
}

/* Fills a buffer as a busy step would, for the benchmark of decoding: calls, external ids and kernels. */
EXPORT size_t standin_fill(uint8_t *to, size_t size, const char **names, size_t n_names, uint64_t start) {
  size_t used = 0;
  for (uint32_t i = 1; used + 512 < size; i++, start += 2000) {
    external_t e = {.kind = 39, .external_kind = 3, .id = (uint64_t)1 << 40 | i, .correlation = i};
    api_t a = {.kind = 4, .cbid = 307, .start = start, .end = start + 900, .thread = 4711, .correlation = i};
    kernel_t k = {.kind = 10, .registers = 64, .context = 1, .stream = 13, .correlation = i, .name = names[i % n_names], .start = start + 1000,
      .end = start + 2900, .grid = {(int32_t)(i % n_names) + 1, 2, 1}, .block = {256, 1, 1}, .dynamic_shared = 4096, .grid_id = i, .shared_executed = 8192};
    memcpy(to + used, &e, size_of(39)); used += size_of(39);
    memcpy(to + used, &a, size_of(4)); used += size_of(4);
    memcpy(to + used, &k, size_of(10)); used += size_of(10);
  }
  return used;
}

/* An outside profiler's doors. */
EXPORT int cudaProfilerStart(void) { profiler_starts++; return 0; }
EXPORT int cudaProfilerStop(void) { profiler_stops++; return 0; }
EXPORT int cuProfilerStart(void) { profiler_starts++; return 0; }
EXPORT int cuProfilerStop(void) { profiler_stops++; return 0; }
EXPORT int nvtxRangePushA(const char *m) { ranges += m[0] != 0; return (int)range_depth++; }
EXPORT int nvtxRangePop(void) { return (int)--range_depth; }

EXPORT int64_t standin_get(int what) {
  int64_t n = 0;
  switch (what) {
  case LAUNCHES: return __atomic_load_n(&launches, __ATOMIC_SEQ_CST);
  case ENABLED: for (size_t i = 0; i < sizeof enabled; i++) n += i != 60 && enabled[i]; return n;
  case SUBSCRIBED: return subscribed;
  case REGISTERED: return registered;
  case OUTSTANDING: return __atomic_load_n(&outstanding, __ATOMIC_SEQ_CST);
  case PROFILER_STARTS: return profiler_starts;
  case PROFILER_STOPS: return profiler_stops;
  case RANGES: return ranges;
  case DEPTH: return range_depth;
  case SYNCS: return __atomic_load_n(&syncs, __ATOMIC_SEQ_CST);
  case PUSHED: return __atomic_load_n(&pushed, __ATOMIC_SEQ_CST);
  case REFUSED: return refused;
  case LOADED: return 1;
  }
  return -1;
}
