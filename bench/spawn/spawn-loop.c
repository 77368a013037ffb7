/*
 * The yardstick for the node agent: starts and reaps COUNT processes, CONCURRENCY at a time, each in a process group of
 * its own, in a fresh working directory, with stdout and stderr in files there and stdin from /dev/null.
 *
 *   spawn-loop COUNT CONCURRENCY DIRECTORY PROGRAM [ARGUMENT...]
 *
 * Prints the seconds it took. DIRECTORY must exist; one directory a process is made below it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static void fail(const char *what, int error) {
  fprintf(stderr, "spawn-loop: %s: %s\n", what, strerror(error));
  exit(1);
}

static void start(const char *directory, int number, char **command) {
  char workdir[4096];
  snprintf(workdir, sizeof workdir, "%s/task_%d", directory, number);
  if (mkdir(workdir, 0777) != 0) fail(workdir, errno);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, workdir);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "job.out", O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawn_file_actions_addopen(&actions, 2, "job.err", O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);

  pid_t pid;
  int error = posix_spawnp(&pid, command[0], &actions, &attributes, command, environ);
  if (error != 0) fail(command[0], error);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: spawn-loop COUNT CONCURRENCY DIRECTORY PROGRAM [ARGUMENT...]\n");
    return 2;
  }
  int count = atoi(argv[1]), concurrency = atoi(argv[2]);
  int started = 0, running = 0;
  struct timespec begin, end;

  clock_gettime(CLOCK_MONOTONIC, &begin);
  while (started < count || running > 0) {
    while (started < count && running < concurrency) {
      start(argv[3], started++, argv + 4);
      running++;
    }
    int status;
    if (wait(&status) > 0) running--;
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%.6f\n", (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
  return 0;
}
