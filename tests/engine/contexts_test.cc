#include "engine/heads/contexts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/snapshot.h"
#include "tests/support/numbers.h"

namespace millrace::engine {
namespace {

using testing_support::Numbers;

constexpr std::size_t kBytes = 256;

struct Setting {
  std::int64_t orders = 4, bits = 14;
  double rate = 1.2, fall = 0.35, least = 0.02;
};

PartSpec Head(const Setting& setting) {
  return {"linear",
          {{"context_orders", setting.orders},
           {"context_bits", setting.bits},
           {"context_rate", setting.rate},
           {"context_rate_fall", setting.fall},
           {"context_least_rate", setting.least}}};
}

ByteHistory HistoryOf(std::initializer_list<int> oldest_first) {
  ByteHistory history;
  for (const int byte : oldest_first) history.Push(static_cast<std::uint8_t>(byte));
  return history;
}

template <typename T>
std::vector<T> Logits(const ContextTable<T>& table, const ByteHistory& history) {
  std::vector<T> logits(kBytes, T{0});
  table.AddLogits(history, logits.data());
  return logits;
}

std::vector<double> Unit(std::size_t byte) {
  std::vector<double> dy(kBytes, 0.0);
  dy[byte] = 1;
  return dy;
}

std::vector<double> Random(Numbers& numbers) {
  std::vector<double> dy(kBytes);
  for (double& value : dy) value = numbers.Between(-1, 1);
  return dy;
}

// The definition, with a map for the tables and libm for the rate.
class Reference {
 public:
  explicit Reference(const Setting& setting) : setting_(setting) {}

  std::vector<double> Logits(const ByteHistory& history) {
    std::vector<double> logits(kBytes, 0.0);
    for (int order = 1; order <= setting_.orders; ++order) {
      const Row& row = rows_[Key(history, order)];
      for (std::size_t k = 0; k < kBytes; ++k) logits[k] += row.values[k];
    }
    return logits;
  }
  void Learn(const ByteHistory& history, const std::vector<double>& dy) {
    for (int order = 1; order <= setting_.orders; ++order) {
      Row& row = rows_[Key(history, order)];
      const double rate =
          std::fmax(setting_.rate * std::pow(1.0 + row.learned, -setting_.fall), setting_.least);
      for (std::size_t k = 0; k < kBytes; ++k) row.values[k] -= rate * dy[k];
      row.learned += 1;
    }
  }

 private:
  struct Row {
    std::vector<double> values = std::vector<double>(kBytes, 0.0);
    double learned = 0;
  };
  std::pair<int, std::uint64_t> Key(const ByteHistory& history, int order) const {
    std::uint64_t h = 0, scale = 1;
    for (int i = 0; i < order; ++i, scale *= 256) {
      h += scale * history.bytes[static_cast<std::size_t>(i)];
    }
    if (scale <= std::uint64_t{1} << setting_.bits) return {order, h};
    h = (h + static_cast<std::uint64_t>(order) * 4294967296u) * 0x9E3779B97F4A7C15u;
    h = (h ^ (h >> 32)) * 0xD6E8FEB86659FD93u;
    h ^= h >> 32;
    return {order, h / (std::uint64_t{1} << (64 - setting_.bits))};
  }

  Setting setting_;
  std::map<std::pair<int, std::uint64_t>, Row> rows_;
};

class ContextTableTest : public testing::TestWithParam<std::pair<std::int64_t, std::int64_t>> {};

TEST_P(ContextTableTest, AgreesWithTheDefinitionOverARandomWalk) {
  const Setting setting{.orders = GetParam().first, .bits = GetParam().second};
  ContextTable<double> table(Head(setting));
  Reference reference(setting);
  Numbers numbers(1);
  ByteHistory history;
  for (int step = 0; step < 3000; ++step) {
    // Few bytes, all over the range, so that contexts come back.
    history.Push(static_cast<std::uint8_t>(numbers.Index(5) * 60));
    const std::vector<double> got = Logits(table, history), expected = reference.Logits(history);
    for (std::size_t k = 0; k < kBytes; ++k) ASSERT_NEAR(got[k], expected[k], 1e-12) << step;
    const std::vector<double> dy = Random(numbers);
    table.Learn(history, dy.data());
    reference.Learn(history, dy);
  }
}

INSTANTIATE_TEST_SUITE_P(OrdersAndBits, ContextTableTest,
                         testing::Values(std::pair(1, 8), std::pair(2, 8), std::pair(2, 16),
                                         std::pair(3, 12), std::pair(4, 8), std::pair(4, 14),
                                         std::pair(4, 17)));

TEST(ContextTableTest, AByteIsPushedInFrontOfThoseBefore) {
  const ByteHistory history = HistoryOf({10, 20, 30, 40, 255});
  EXPECT_EQ(history.bytes, (std::array<std::uint8_t, 4>{255, 40, 30, 20}));
}

TEST(ContextTableTest, AClearedHistoryIsThatOfANewStream) {
  ByteHistory history = HistoryOf({1, 2, 3});
  history.Clear();
  EXPECT_EQ(history.bytes, ByteHistory().bytes);
}

TEST(ContextTableTest, WithoutOrdersItIsEmptyAndLeavesTheLogitsAlone) {
  ContextTable<float> table(Head({.orders = 0}));
  EXPECT_TRUE(table.empty());
  const ByteHistory history = HistoryOf({1});
  const std::vector<float> dy(kBytes, 1.0f);
  table.Learn(history, dy.data());
  EXPECT_EQ(Logits(table, history), std::vector<float>(kBytes, 0.0f));
  SizeVisitor size;
  table.Visit(size);
  EXPECT_EQ(size.bytes(), 0);
}

TEST(ContextTableTest, LogitsAreAddedToWhatIsThere) {
  ContextTable<double> table(Head({.orders = 1, .rate = 0.5, .fall = 0}));
  const ByteHistory history = HistoryOf({7});
  table.Learn(history, Unit(3).data());
  std::vector<double> logits(kBytes, 10.0);
  table.AddLogits(history, logits.data());
  EXPECT_EQ(logits[3], 9.5);
  EXPECT_EQ(logits[4], 10.0);
}

TEST(ContextTableTest, HistoriesShareTheOrdersInWhichTheyAgree) {
  const Setting setting{.orders = 4, .rate = 1, .fall = 0};
  for (int equal = 0; equal <= 4; ++equal) {
    ContextTable<double> table(Head(setting));
    table.Learn(HistoryOf({1, 2, 3, 4}), Unit(9).data());
    ByteHistory other = HistoryOf({1, 2, 3, 4});
    if (equal < 4) other.bytes[static_cast<std::size_t>(equal)] = 200;
    EXPECT_EQ(Logits(table, other)[9], -equal) << equal;
  }
}

TEST(ContextTableTest, ARowsRateFallsWithItsOwnUpdatesDownToTheLeast) {
  ContextTable<double> table(Head({.orders = 1, .rate = 2, .fall = 0.5, .least = 0.5}));
  const ByteHistory history = HistoryOf({65}), other = HistoryOf({66});
  double before = 0;
  for (int t = 0; t < 40; ++t) {
    table.Learn(history, Unit(0).data());
    const double after = Logits(table, history)[0];
    EXPECT_NEAR(before - after, std::max(2 / std::sqrt(1.0 + t), 0.5), 1e-12) << t;
    before = after;
  }
  table.Learn(other, Unit(0).data());
  EXPECT_EQ(Logits(table, other)[0], -2);
}

TEST(ContextTableTest, ChangedRatesHoldFromTheNextUpdateAndKeepWhatWasLearned) {
  ContextTable<double> table(Head({.orders = 1, .rate = 1, .fall = 0, .least = 0}));
  const ByteHistory history = HistoryOf({65});
  table.Learn(history, Unit(0).data());
  table.Change(Head({.orders = 1, .rate = 0.25, .fall = 1, .least = 0}));
  EXPECT_EQ(Logits(table, history)[0], -1);
  table.Learn(history, Unit(0).data());
  EXPECT_NEAR(Logits(table, history)[0], -1.125, 1e-12);
}

TEST(ContextTableTest, MemoryIsTwoToTheBitsRowsAnOrderAndNoMoreThanThereAreContexts) {
  const auto rows = [](std::int64_t orders, std::int64_t bits) {
    ContextTable<float> table(Head({.orders = orders, .bits = bits}));
    SizeVisitor size;
    table.Visit(size);
    return size.bytes() / (256 * 4 + 8);
  };
  EXPECT_EQ(rows(1, 14), 256);
  EXPECT_EQ(rows(4, 14), 256 + 3 * 16384);
  EXPECT_EQ(rows(2, 17), 256 + 65536);
  EXPECT_EQ(rows(4, 8), 4 * 256);
}

TEST(ContextTableTest, AllContextsOfTheFullRangeStayInSmallTables) {
  ContextTable<float> table(Head({.orders = 4, .bits = 8}));
  Numbers numbers(2);
  ByteHistory history;
  const std::vector<float> dy(kBytes, 0.5f);
  for (int step = 0; step < 20000; ++step) {
    history.Push(static_cast<std::uint8_t>(numbers.Index(256)));
    table.Learn(history, dy.data());
    ASSERT_TRUE(std::isfinite(Logits(table, history)[0]));
  }
}

TEST(ContextTableTest, ALoadedTableGoesOnWithTheSameBits) {
  const Setting setting{.orders = 4, .bits = 10};
  ContextTable<float> table(Head(setting)), loaded(Head(setting));
  Numbers numbers(3);
  ByteHistory history;
  const auto step = [&](ContextTable<float>& one, std::uint8_t byte, float scale) {
    history.Push(byte);
    std::vector<float> dy(kBytes);
    for (std::size_t k = 0; k < kBytes; ++k) dy[k] = scale * static_cast<float>(k);
    one.Learn(history, dy.data());
  };
  for (int t = 0; t < 500; ++t) step(table, static_cast<std::uint8_t>(numbers.Index(9)), 1e-3f);

  Snapshot snapshot;
  SaveVisitor save(&snapshot);
  table.Visit(save);
  LoadVisitor load(snapshot);
  loaded.Visit(load);
  ASSERT_TRUE(load.Finish().ok());

  const ByteHistory at = history;
  const auto rest = [&](ContextTable<float>& one) {
    history = at;
    Numbers again(4);
    std::vector<float> seen;
    for (int t = 0; t < 200; ++t) {
      step(one, static_cast<std::uint8_t>(again.Index(9)), 1e-2f);
      const std::vector<float> logits = Logits(one, history);
      seen.insert(seen.end(), logits.begin(), logits.end());
    }
    return seen;
  };
  EXPECT_EQ(rest(table), rest(loaded));
}

TEST(ContextTableTest, ATextThatRepeatsItselfIsLearnedFromItsErrors) {
  ContextTable<float> table(Head({.orders = 4}));
  const std::string text = "pack my box with five dozen jugs; ";
  ByteHistory history;
  double bits_last_round = 0;
  for (std::size_t t = 0; t < 20 * text.size(); ++t) {
    history.Push(static_cast<std::uint8_t>(text[t % text.size()]));
    const auto next = static_cast<std::size_t>(text[(t + 1) % text.size()]);
    std::vector<float> dy = Logits(table, history);
    double sum = 0;
    for (const float logit : dy) sum += std::exp(static_cast<double>(logit));
    for (float& value : dy) {
      value = static_cast<float>(std::exp(static_cast<double>(value)) / sum);
    }
    if (t >= 19 * text.size()) bits_last_round -= std::log2(static_cast<double>(dy[next]));
    dy[next] -= 1.0f;
    table.Learn(history, dy.data());
  }
  EXPECT_LT(bits_last_round / static_cast<double>(text.size()), 0.25);
}

TEST(ContextTableTest, EverySettingHasADefaultThatMakesNoTable) {
  PartSpec head{"linear", {}};
  for (const SettingDescription& setting : ContextSettings()) {
    ASSERT_TRUE(setting.default_value.has_value()) << setting.name;
    head.settings[setting.name] = *setting.default_value;
  }
  EXPECT_TRUE(ContextTable<float>(head).empty());
}

}  // namespace
}  // namespace millrace::engine
