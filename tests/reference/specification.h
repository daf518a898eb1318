// What a stream of the reference is made of: parts by name, as a model has them, and what is drawn
// outside and given to it. Values.
#ifndef MILLRACE_TESTS_REFERENCE_SPECIFICATION_H_
#define MILLRACE_TESTS_REFERENCE_SPECIFICATION_H_

#include <cstdint>
#include <functional>

#include "tests/reference/input.h"
#include "tests/reference/part.h"
#include "tests/reference/record.h"
#include "tests/reference/rules/gradient_rule.h"

namespace millrace::reference {

struct Specification {
  InputSetup input;
  Part cell;  // cells/list.h; units
  Part head;  // heads/head.h; and direct 0, filter_1 .. filter_4 0: time constants in steps
  int outputs = 0;
  Part loss;             // losses.h; cross_entropy: balance_classes 0, balance_half_life 2000
  Part rule;             // rules/list.h
  Part optimizer;        // descent.h
  double clip_norm = 1;  // 0: off
  bool clip_per_group = false;
  TargetMode target = TargetMode::kWithObservation;
  int catch_up_steps = 8;
  RuleDraws draws;
  // The random numbers of a stochastic rule at a step of the learner, counted from 1.
  std::function<Vector(std::int64_t step)> noise;
  // Numbers of the input stage pass through float32, as a float32 model holds them.
  bool float32 = false;
};

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_SPECIFICATION_H_
