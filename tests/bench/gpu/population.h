// Streams of one model on the device, with a message each that is applied to all of them together,
// again and again, numbered on.
//
// Mean squared error, RMSprop, float32, a target with each observation; what comes in was drawn
// beforehand. Thread-compatible.
#ifndef MILLRACE_TESTS_BENCH_GPU_POPULATION_H_
#define MILLRACE_TESTS_BENCH_GPU_POPULATION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/model.h"
#include "engine/stream.h"
#include "engine/together.h"
#include "engine/workers.h"

namespace millrace::bench {

struct PopulationShape {
  std::string cell, rule;  // as tests/bench/played_stream.h names them
  std::string sensitivities = "full";
  std::int64_t units = 0, inputs = 0, outputs = 0;
  std::int64_t streams = 0, steps = 0;  // steps of a message
};

// The specification of its model with all defaults, on the CPU.
engine::ModelSpec ResolvedSpec(const PopulationShape& shape);

class Population {
 public:
  // Ends the program with the reason where there is no such model, or no room for a stream.
  Population(const PopulationShape& shape, engine::Workers* workers);
  Population(const Population&) = delete;
  Population& operator=(const Population&) = delete;

  // Checks and applies the message of every stream; false where one was refused.
  bool Play();
  // Whether every update so far was carried out.
  bool Sound() const;
  const PopulationShape& shape() const { return shape_; }
  // Of one stream: what a step must read and write once, and numbers of sensitivities.
  std::int64_t touched_bytes() const;
  std::int64_t sensitivity_numbers() const;
  // Of one stream on the host.
  std::int64_t host_bytes() const { return streams_.front()->ResidentBytes(); }

 private:
  PopulationShape shape_;
  engine::Workers* const workers_;
  std::vector<float> floats_, targets_;  // [stream, step, d], [stream, step, m]
  std::vector<std::unique_ptr<engine::Stream>> streams_;
  std::vector<engine::Event> events_;
  std::vector<engine::Outcome> outcomes_;
  std::vector<engine::Application> applications_;
};

// Ends the program.
[[noreturn]] void Die(const std::string& sentence);

}  // namespace millrace::bench

#endif  // MILLRACE_TESTS_BENCH_GPU_POPULATION_H_
