// What of a cell depends on what: enough for every rule to form its sensitivities without knowing
// the cell.
//
// A cell has n units of C components each, state [C, n], and G gates, one pre-activation a unit:
//   a_g[i] = sum_j theta_g[j, i] f_g[j],    f_g = [fed-back units of i's block; an input; 1],
// of which a gate may see all three, or only some. A gate that sees only the 1 is a parameter of
// its unit (a time constant, a peephole). Then, unit by unit,
//   state[:, i] = F(state'[:, i], a[:, i]).
// `carry` lists where dF/dstate' is not zero at fixed pre-activations, `slope` where dF/da is.
// Hence, with h' the component that is fed back,
//   dstate[c]/dstate'[c'] = diag(carry[c, c']) + [c' = fed back] sum_g diag(slope[c, g]) W_g,
//   dstate[c, i]/dtheta_g[j, i] = slope[c, g, i] f_g[j].
// A gate may see r * h' in place of h', r being another gate's logistic value (`modulator`); then
// the modulator's parameters reach all units of the block within one step.
// Components that the head sees are the last ones, from `first_output` on.
#ifndef MILLRACE_ENGINE_CELLS_STRUCTURE_H_
#define MILLRACE_ENGINE_CELLS_STRUCTURE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::engine {

inline constexpr int kNone = -1;

struct Gate {
  std::string name = {};    // "" where the cell has one gate only
  bool recurrent = false;   // n / blocks rows of weights from fed-back units
  bool input = false;       // d rows
  bool bias = false;        // one row
  bool own = false;         // that row is a parameter of the unit, group dynamics
  int view = 0;             // which of the cell's input vectors it sees
  int modulator = kNone;    // gate whose logistic value multiplies what is fed back
  std::int64_t offset = 0;  // of its first parameter in the cell's, rows in the order above
};

struct Pair {
  int to;    // component
  int from;  // component (carry) or gate (slope)
};

struct Structure {
  std::int64_t n = 0, d = 0;
  int components = 1;    // C
  int first_output = 0;  // components from here on are outputs
  int fed_back = kNone;  // component
  std::int64_t blocks = 1;
  int views = 1;  // input vectors, [d] each
  std::vector<Gate> gates = {};
  std::vector<Pair> carry = {}, slope = {};

  std::int64_t block_units() const { return n / blocks; }
  std::int64_t recurrent_rows(const Gate& gate) const { return gate.recurrent ? block_units() : 0; }
  std::int64_t rows(const Gate& gate) const {
    return recurrent_rows(gate) + (gate.input ? d : 0) + (gate.bias || gate.own ? 1 : 0);
  }
  std::int64_t parameters() const {
    std::int64_t count = 0;
    for (const Gate& gate : gates) count += rows(gate) * n;
    return count;
  }
  // Every parameter reaches its own unit alone within one step.
  bool unit_local() const {
    for (const Gate& gate : gates) {
      if (gate.modulator != kNone) return false;
    }
    return true;
  }
  // No unit reaches another: exact sensitivities cost what the parameters do.
  bool diagonal() const { return fed_back == kNone; }
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_CELLS_STRUCTURE_H_
