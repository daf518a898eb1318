// The network of a stream: input to state to features to outputs, and the layout of its parameters.
//
// State of a stream [S]: the cell's components and auxiliary numbers, the filters of the direct
// features, the history of the direct contexts. Zero at the start and after a reset.
// Hyper-parameters only; parameters and state belong to the caller. Thread-safe after construction.
#ifndef MILLRACE_ENGINE_NETWORK_H_
#define MILLRACE_ENGINE_NETWORK_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/cells/cell.h"
#include "engine/heads/contexts.h"
#include "engine/heads/features.h"
#include "engine/heads/head.h"
#include "engine/parameters.h"
#include "engine/spec.h"

namespace millrace::engine {

// What one step leaves behind.
template <typename T>
struct NetworkStep {
  CellStep<T> cell;
  std::vector<T> state;     // [S] after the step
  std::vector<T> features;  // [k]
};

template <typename T>
class Network {
 public:
  // `spec` is resolved; d inputs.
  Network(const ModelSpec& spec, std::int64_t inputs);

  const Cell<T>& cell() const { return *cell_; }
  const Head<T>& head() const { return *head_; }
  const ParameterLayout& layout() const { return layout_; }
  std::int64_t state_size() const { return history() + contexts_.state_size(); }  // S
  std::int64_t outputs() const { return head_->outputs(); }                       // m
  // Of the head's first parameter.
  std::int64_t head_offset() const { return cell_->parameters(); }

  NetworkStep<T> MakeStep() const;
  void Initialize(std::uint64_t seed, T* theta) const;
  // Fills `step` and y [m] from theta [p], the input and the state before [S]; without the direct
  // contexts, which AddContexts adds.
  void Forward(const T* theta, const CellInput<T>& input, const T* before, NetworkStep<T>* step,
               T* y) const;
  // The same where step->cell has been through the first half (Cell::BeginForward) and its sums are
  // formed.
  void FinishForward(const T* theta, const CellInput<T>& input, const T* before,
                     NetworkStep<T>* step, T* y) const;
  // The direct contexts of the step just made: their logits to y [m], and their update from
  // dy = dL/dy [m].
  void AddContexts(const ContextTable<T>& table, const NetworkStep<T>& step, T* y) const {
    contexts_.AddLogits(table, step.state.data() + history(), y);
  }
  void LearnContexts(const NetworkStep<T>& step, const T* dy, ContextTable<T>* table) const {
    contexts_.Learn(step.state.data() + history(), dy, table);
  }
  ContextTable<T> MakeContextTable() const { return contexts_.MakeTable(); }
  // New rates of the contexts.
  void Change(const ModelSpec& spec) { contexts_.Change(spec.head); }

 private:
  void AfterCell(const T* theta, const CellInput<T>& input, const T* before, NetworkStep<T>* step,
                 T* y) const;
  // Where the contexts' history is in the state.
  std::int64_t history() const { return cell_->state_size() + features_.state_size(); }

  std::unique_ptr<Cell<T>> cell_;
  Features<T> features_;
  Contexts<T> contexts_;
  std::unique_ptr<Head<T>> head_;
  ParameterLayout layout_;
};

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_NETWORK_H_
