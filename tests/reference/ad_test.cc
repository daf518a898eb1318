// Automatic differentiation against central differences of the same formulas on doubles.
#include "tests/reference/ad.h"

#include <functional>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace millrace::reference {
namespace {

struct Function {
  std::string name;
  std::function<double(double)> value;
  std::function<Variable(Variable)> tape;
};

#define FUNCTION(name, formula)                                                          \
  Function {                                                                             \
    name, [](double x) { return formula; }, [](Variable x) { return Variable(formula); } \
  }

const Function kFunctions[] = {
    FUNCTION("exp", Exp(x)),
    FUNCTION("expm1", Expm1(x)),
    FUNCTION("log", Log(x* x + 1.5)),
    FUNCTION("log1p", Log1p(x* x)),
    FUNCTION("tanh", Tanh(x)),
    FUNCTION("sigmoid", Sigmoid(x)),
    FUNCTION("sqrt", Sqrt(x* x + 0.5)),
    FUNCTION("sin", Sin(x)),
    FUNCTION("cos", Cos(x)),
    FUNCTION("softplus", Softplus(x)),
    FUNCTION("sum and difference", x + x - 3.0 - (-x)),
    FUNCTION("product", x* Exp(x) * x),
    FUNCTION("ratio", (x + 1.0) / (x * x + 2.0)),
};

#undef FUNCTION

TEST(ReferenceDerivatives, AgreeWithCentralDifferences) {
  for (const Function& function : kFunctions) {
    for (const double x : {-3.0, -0.7, 0.2, 1.9}) {
      Tape tape;
      const Variable leaf = tape.Leaf(x);
      const Variable y = function.tape(leaf);
      EXPECT_DOUBLE_EQ(y.value, function.value(x)) << function.name;
      const double step = 1e-5;
      const double difference = (function.value(x + step) - function.value(x - step)) / (2 * step);
      EXPECT_NEAR(tape.Backward(y)[leaf.place], difference, 1e-8 * (1 + std::abs(difference)))
          << function.name << " at " << x;
    }
  }
}

TEST(ReferenceDerivatives, OfSeveralLeavesAreTheOnesComputedByHand) {
  Tape tape;
  const Variable x = tape.Leaf(2);
  const Variable y = tape.Leaf(3);
  const Variable z = x * y + x / y;
  const Vector slopes = tape.Backward(z);
  EXPECT_DOUBLE_EQ(slopes[0], 3 + 1.0 / 3);
  EXPECT_DOUBLE_EQ(slopes[1], 2 - 2.0 / 9);
}

TEST(ReferenceDerivatives, AHeldValueIsAConstant) {
  Tape tape;
  const Variable x = tape.Leaf(2);
  EXPECT_EQ(tape.Backward(Held(x) * x)[0], 2);
  EXPECT_EQ(tape.Backward(Held(x))[0], 0);
}

TEST(ReferenceDerivatives, SoftplusNeitherOverflowsNorVanishes) {
  EXPECT_EQ(Softplus(800.0), 800);
  EXPECT_DOUBLE_EQ(Softplus(-50.0), std::exp(-50.0));
}

}  // namespace
}  // namespace millrace::reference
