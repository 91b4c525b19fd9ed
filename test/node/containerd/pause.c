/* The process that keeps a sandbox's namespaces: waits until it is told to go. The first of its process namespace, it needs handlers to die of signals. */
#include <signal.h>
#include <unistd.h>

static void go(int signal) {
  (void)signal;
  _exit(0);
}

int main(void) {
  signal(SIGINT, go);
  signal(SIGTERM, go);
  for (;;) pause();
}
