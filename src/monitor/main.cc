#include <cstdio>
#include <exception>

#include "monitor/cli.h"
#include "monitor/commands.h"
#include "monitor/descriptors.h"

int main(int argc, char** argv) {
  const auto standard = segwhy::StandardDescriptors::plug_closed();
  try {
    return segwhy::run_cli(argc, argv, standard);
  } catch (const std::exception& problem) {
    segwhy::print_error(problem.what());
    return 2;
  }
}
