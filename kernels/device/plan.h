// What a device has to know of a model: the structure of its cell, the layout of its parameters and
// the form of its sensitivities, as plain numbers and tables.
//
// A plan is made once a model (engine/device/) and passed to a launch by value; its tables are in
// the device's memory. A cell is numbers here; only the map of one unit is code (units.h).
//
// Letters: n units, d inputs, m outputs, C components, G gates, c units of a block of the cell, s
// units of a block of the sensitivities, K rows of parameters of all gates together.
// Thread-safe: plain values.
#ifndef MILLRACE_KERNELS_DEVICE_PLAN_H_
#define MILLRACE_KERNELS_DEVICE_PLAN_H_

#include <cstdint>

#include "kernels/cells/unit.h"
#include "kernels/math/platform.h"

namespace millrace::kernels::device {

// Threads of the block that works on a stream. Sums over parameters have one lane a thread, so this
// number is part of the numeric path of a device.
inline constexpr int kThreads = 256;
inline constexpr int kNone = -1;
// Groups of parameters, in the engine's order: recurrent, input, bias, dynamics, readout, direct.
inline constexpr int kGroups = 6;
// A unit's components at most where traces are kept (S4D of 8 states).
inline constexpr int kMaxComponents = 17;

enum class RuleForm : int {
  kImmediate,  // nothing is carried
  kTraces,     // a trace for each pair of a component and a weight of its own unit
  kBlocks,     // dense sensitivities within blocks of s units
};
enum class LossForm : int { kMeanSquaredError, kCrossEntropy };
enum class Coupling : int { kDecay, kCarry, kOwnUnit };
enum class UpdateForm : int { kSgd, kMomentum, kRmsprop, kAdam, kFirstMoment };

// What a row of parameters meets.
enum class Part : int { kFedBack, kInput, kOne, kFeatures, kReadoutBias };

struct GatePlan {
  std::int64_t offset;  // of its first parameter
  int row;              // the number of its first row among all gates' rows
  int recurrent;        // rows of fed-back units (c), of the input (d), and of the 1
  int input;
  int last;
  int modulator;   // gate whose logistic value multiplies what is fed back
  bool modulates;  // is that gate of others
  bool own;        // its last row is a parameter of the unit
};

// A named block of parameters.
struct Range {
  std::int64_t offset;
  int rows, width;
  int power;  // its first running power
  int group;
  Part part;
  int gate;           // kNone: the head's
  bool rows_wait;     // row j waits with input channel j
  bool columns_wait;  // column k waits with output k
};

// The trace of one component for one gate: E += slope x, and coupling times the traces it follows.
struct TraceEntry {
  std::int64_t offset;  // in the rule's state, [rows of the gate, n]
  int component;
  int slope;  // its place in the list of slopes; kNone: no immediate term
  int first_source, sources;
};
struct TraceSource {
  int coupling;  // place in the list of couplings
  int entry;     // number within the gate's entries
};
struct GateTraces {
  int first, count;
};

struct Shape {
  int n, d, m;
  int components, auxiliary;  // of a unit
  int first_output;           // components from here on are outputs
  int fed_back;               // component, or kNone
  int block_units;            // c
  int gates, carries, slopes;
  bool modulated;  // some gate has a modulator
  int rows;        // K
  std::int64_t cell_parameters, parameters;
  int powers;

  MILLRACE_HD int states() const { return (components + auxiliary) * n; }
  MILLRACE_HD int outputs() const { return (components - first_output) * n; }
};

// The numbers that dense sensitivities are multiplied and kept in (numbers.h).
enum class Sensitivities : int { kFull, kTf32x3, kTf32, kBf16 };

// Dense sensitivities, and how a sweep of them is cut (sweep.h).
struct BlockPlan {
  int s;                 // units of a block
  int kept;              // entries of a unit's row of the Jacobian that stay; kNone: all
  std::int64_t size;     // numbers of state
  int width;             // columns of a tile, a multiple of 4 that divides 4 kThreads
  int rows;              // of a thread's part of a tile: 4 or 8
  int depth;             // columns of the Jacobian in shared memory at a time; s: all of it, once
  std::int64_t numbers;  // of shared memory for a tile
  Sensitivities sensitivities;
  bool tensor;  // products on matrix units (tensor_tile.h)

  MILLRACE_HD int column_threads() const { return width / 4; }
  MILLRACE_HD int row_threads() const { return kThreads / column_threads(); }
  // Rows that all threads take together.
  MILLRACE_HD int pass_rows() const { return row_threads() * rows; }
};

struct Tables {
  const GatePlan* gates;          // [G]
  const Pair* carry;              // [carries]
  const Pair* slope;              // [slopes]
  const Range* ranges;            // in the order of the parameters
  const TraceEntry* entries;      // gate by gate
  const TraceSource* sources;     //
  const GateTraces* gate_traces;  // [G]
  const Pair* coupling;           // [couplings]
  const std::int32_t* kept;       // [n, kept], rising, numbered within the block of s units
};

// An array of a slot that is in the memory that a block's threads share over the rows of a message:
// bytes from its beginning, and bytes copied, multiples of 16; at -1: it stays in the slot.
struct Resident {
  std::int32_t at = -1, bytes = 0;
};

// Which arrays are (resident.h).
struct Residency {
  Resident theta, slot1, slot2, power1, power2, hidden, predicted, rule;
  Resident gradient, jacobian, reach, updates;
  std::int64_t shared_bytes = 0;  // that a launch asks for then, the step's own included; 0: none
};

enum class UnitMap : int;  // units.h

template <typename T>
struct Plan {
  UnitMap unit;
  Shape shape;
  Tables tables;
  int ranges, couplings;
  RuleForm rule;
  Coupling coupling;
  BlockPlan blocks;
  std::int64_t rule_state;  // numbers of the rule's state
  LossForm loss;
  bool readout_bias;
  // Hyper-parameters of the unit map.
  T leak;
  int states;  // S4D
  bool positive;
  // Where the vectors of a step are: in the memory that a block's threads share, or in the slot.
  bool vectors_shared;
  std::int64_t vector_numbers;
  std::int64_t shared_bytes;
  Residency residency;
};

}  // namespace millrace::kernels::device

#endif  // MILLRACE_KERNELS_DEVICE_PLAN_H_
