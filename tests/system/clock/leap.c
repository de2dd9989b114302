/* Preloaded, adds the seconds that the file LEAP holds to what the clock of the day shows. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile long *leap;

__attribute__((constructor)) static void open_leap(void) {
    const char *path = getenv("LEAP");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = file < 0 ? MAP_FAILED : mmap(0, sizeof *leap, PROT_READ, MAP_SHARED, file, 0);
    if (page == MAP_FAILED) abort();
    leap = page;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int failed = (int)syscall(SYS_clock_gettime, clock, time);
    if (!failed && clock == CLOCK_REALTIME && leap) time->tv_sec += *leap;
    return failed;
}
