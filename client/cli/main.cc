// The command `millrace`.
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>

#include "client/cli/commands.h"

namespace {

std::atomic<bool> stop = false;

// The first Ctrl-C lets what is under way finish and be reported; the second ends at once.
void OnInterrupt(int) {
  stop = true;
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGINT, OnInterrupt);
  millrace::client::Io io;
  io.out = &std::cout;
  io.err = &std::cerr;
  io.out_terminal = isatty(STDOUT_FILENO) != 0;
  io.err_terminal = isatty(STDERR_FILENO) != 0;
  io.stop = &stop;
  return millrace::client::RunCommand({argv + 1, argv + argc}, io);
}
