/* Preloaded before a program: its wall clock reads WALL_CLOCK_SHIFT seconds later (or earlier, if negative).
 *
 * Only CLOCK_REALTIME is moved. Monotonic time is the kernel's, so that sleeping, deadlines of event loops and
 * measured durations stay true. Times of files are the kernel's too: they are not moved.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t shift_seconds;

__attribute__((constructor)) static void read_shift(void) {
  const char *text = getenv("WALL_CLOCK_SHIFT");
  shift_seconds = text ? (time_t)strtoll(text, NULL, 10) : 0;
}

static int is_wall_clock(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  long refused = syscall(SYS_clock_gettime, clock, now);
  if (refused == 0 && is_wall_clock(clock)) now->tv_sec += shift_seconds;
  return (int)refused;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone; /* obsolete: POSIX leaves it unspecified */
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  *now = (struct timeval){.tv_sec = precise.tv_sec, .tv_usec = precise.tv_nsec / 1000};
  return 0;
}

time_t time(time_t *seconds) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  if (seconds != NULL) *seconds = precise.tv_sec;
  return precise.tv_sec;
}
