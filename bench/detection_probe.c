// One memory error, or none: what bench/detection.py runs under each tool.
//
// usage: detection_probe ERROR SIZE ALLOCATOR THROUGH THREAD
//
// ERROR      good, overread, overwrite, underread, underwrite, read-freed, write-freed, free-twice, free-inside, uninitialised
// SIZE       of the block in bytes, 8 and more
// ALLOCATOR  malloc; aligned, to 64 bytes, as frameworks allocate tensors
// THROUGH    direct: an instruction of this program; libc: memcpy; kernel: read(2) and write(2) on a pipe
// THREAD     main; pool: allocated by the main thread, used by another
//
// A wrong access is of the element next to the block: 8 bytes right behind its end or right before its start.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kElement = 8 };

static const char *error, *through;
static char* block;
static size_t size;
static int ends[2];

static int is(const char* name) {
  return strcmp(error, name) == 0;
}

static __attribute__((noinline)) void write_element(volatile char* at) {
  if (strcmp(through, "libc") == 0) {
    const char source[kElement] = "element";
    memcpy((char*)at, source, strlen(source) + 1);
  } else if (strcmp(through, "kernel") == 0) {
    if (write(ends[1], "element", kElement) == kElement && read(ends[0], (char*)at, kElement) < 0) puts("EFAULT");
  } else {
    *(volatile long*)at = 1;
  }
}

static __attribute__((noinline)) void read_element(volatile const char* at) {
  char seen[kElement] = "";
  volatile size_t count = kElement;
  if (strcmp(through, "libc") == 0) {
    memcpy(seen, (const char*)at, count);
  } else if (strcmp(through, "kernel") == 0) {
    if (write(ends[1], (const char*)at, kElement) < 0) puts("EFAULT");
  } else {
    *(volatile long*)seen = *(volatile const long*)at;
  }
}

static void* use(void* unused) {
  if (!is("uninitialised")) memset(block, 7, size);
  read_element(block);
  write_element(block + size / kElement * kElement - kElement);
  if (is("overread")) read_element(block + size);
  if (is("overwrite")) write_element(block + size);
  if (is("underread")) read_element(block - kElement);
  if (is("underwrite")) write_element(block - kElement);
  if (is("uninitialised") && block[size / 2] == 77) puts("77");
  return unused;
}

static void* use_freed(void* unused) {
  if (is("read-freed")) read_element(block + size / 2 / kElement * kElement);
  if (is("write-freed")) write_element(block + size / 2 / kElement * kElement);
  if (is("free-twice")) free(block);
  return unused;
}

static void run(void* (*work)(void*), const char* thread) {
  pthread_t pool;
  if (strcmp(thread, "pool") != 0) {
    work(NULL);
  } else if (pthread_create(&pool, NULL, work, NULL) == 0) {
    pthread_join(pool, NULL);
  }
}

int main(int argc, char** argv) {
  if (argc != 6 || pipe(ends) != 0) return 2;
  error = argv[1];
  size = strtoul(argv[2], NULL, 10);
  through = argv[4];
  if (strcmp(argv[3], "malloc") == 0)
    block = malloc(size);
  else if (posix_memalign((void**)&block, 64, size) != 0)
    return 2;
  char* const neighbour = malloc(size);
  if (block == NULL || neighbour == NULL) return 2;
  run(&use, argv[5]);
  if (is("free-inside")) block += 16;
  free(block);
  run(&use_freed, argv[5]);
  free(neighbour);
  puts("end");
  return 0;
}
