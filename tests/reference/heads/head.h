// A head of the reference: outputs y [m] from features f [F], as forward formulas only; q = dL/df
// and the gradient of the head's weights come from automatic differentiation.
//
// Features are the cell's outputs [o], then the direct ones [F - o]: x where `direct` is set, then
// the filters of x. Thread-safe: immutable.
#ifndef MILLRACE_TESTS_REFERENCE_HEADS_HEAD_H_
#define MILLRACE_TESTS_REFERENCE_HEADS_HEAD_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/reference/ad.h"
#include "tests/reference/layout.h"
#include "tests/reference/losses.h"
#include "tests/reference/part.h"
#include "tests/reference/vector.h"

namespace millrace::reference {

struct HeadShape {
  int cell_outputs = 0;  // o
  int direct = 0;        // F - o
  int outputs = 0;       // m
};

class Head {
 public:
  virtual ~Head() = default;
  const HeadShape& shape() const { return shape_; }
  const Layout& layout() const { return layout_; }

  // weights [of the head], features [F].
  virtual Vector Forward(const Vector& weights, const Vector& features) const = 0;

  struct Backward {
    Vector weights;   // dL/dweights
    Vector features;  // dL/df
  };
  virtual Backward Back(const Vector& weights, const Vector& features, const Vector& dz) const = 0;

  // Closed forms: numbers gathered beside the weights; none for a head that the optimizer learns.
  virtual Vector InitialState() const { return {}; }
  // Takes a target in, after the update of everything else, and sets the weights. `weight` is the
  // target's, class balance included.
  virtual void Learn(const Vector& /*features*/, const Target& /*target*/, double /*weight*/,
                     Vector* /*weights*/, Vector* /*state*/) const {}

 protected:
  explicit Head(const HeadShape& shape) : shape_(shape) {}
  HeadShape shape_;
  Layout layout_;
};

// A head out of its equations, a class with a member template
// Forward<S>(weights, features) -> std::vector<S>.
template <typename Equations>
class HeadOf : public Head {
 public:
  HeadOf(const Part& part, const HeadShape& shape)
      : Head(shape), equations_(part, shape, &layout_) {}

  Vector Forward(const Vector& weights, const Vector& features) const override {
    return equations_.template Forward<double>(weights, features);
  }

  Backward Back(const Vector& weights, const Vector& features, const Vector& dz) const override {
    Tape tape;
    std::vector<Variable> theta;
    for (const double weight : weights) theta.push_back(tape.Leaf(weight));
    std::vector<Variable> f;
    for (const double feature : features) f.push_back(tape.Leaf(feature));
    const std::vector<Variable> y = equations_.template Forward<Variable>(theta, f);
    Variable sum = 0;
    for (std::size_t k = 0; k < y.size(); ++k) sum += Variable(dz[k]) * y[k];
    Vector slopes = tape.Backward(sum);
    slopes.resize(weights.size() + features.size());
    const auto middle = slopes.begin() + static_cast<std::ptrdiff_t>(weights.size());
    return {Vector(slopes.begin(), middle),
            Vector(middle, middle + static_cast<std::ptrdiff_t>(features.size()))};
  }

 protected:
  Equations equations_;
};

// Ends the program where there is none of the name.
std::shared_ptr<const Head> MakeHead(const Part& part, const HeadShape& shape);
std::vector<std::string> HeadNames();

std::shared_ptr<const Head> MakeGaussian(const Part& part, const HeadShape& shape);
std::shared_ptr<const Head> MakeLeastSquares(const Part& part, const HeadShape& shape);
std::shared_ptr<const Head> MakeLinear(const Part& part, const HeadShape& shape);
std::shared_ptr<const Head> MakeMlp(const Part& part, const HeadShape& shape);

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_HEADS_HEAD_H_
