/* Tells which rank of how many it is, where, and with what; with an argument it stays so many seconds. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int rank, size, sum = 0;
  char host[256];
  const char *gpus = getenv("CUDA_VISIBLE_DEVICES"), *marker = getenv("CONIFER_TASK"), *batch = getenv("OF_THE_BATCH_SCRIPT");
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  gethostname(host, sizeof host);
  printf("rank %d of %d sum %d on %s gpus %s task %s batch %s\n", rank, size, sum, host, gpus ? gpus : "", marker ? marker : "",
         batch ? batch : "");
  fflush(stdout);
  if (argc > 1) usleep(1000000 * atof(argv[1]));
  MPI_Finalize();
  return 0;
}
