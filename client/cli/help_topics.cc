#include "client/cli/help_topics.h"

#include "absl/strings/str_cat.h"
#include "client/cli/exit_codes.h"

namespace millrace::client {
namespace {

constexpr char kStart[] = R"text(
A server holds models and streams. Say once where it is (or pass --server to every command), and
ask whether it serves:

  $ export MILLRACE_SERVER=${MILLRACE_SERVER:-127.0.0.1:7070}
  $ millrace health

Make a model from a file, open a stream of it, play a recording through it, see how it stands:

  $ millrace model create bci --spec deploy/models/bmi_wheelchair.textproto
  $ millrace stream open subject-1 --model bci --seed 7
  $ D=deploy/demo/bmi_wheelchair
  $ millrace replay subject-1 --inputs $D/20141211_s10_counts.npy \
      --targets $D/20141211_s10_labels.npy \
      --class_column 0 --ignore_class -1 --release_column 1
  $ millrace top --once

Completion of commands, options, streams and models:

  $ eval "$(millrace completion bash)"
)text";

constexpr char kModels[] = R"text(
A model is a list of parts with settings: input, cell, head, loss, rule, optimizer, target, guard,
monitor. What there is, with ranges and defaults, comes from the server's own table:

  $ millrace parts cell
  $ millrace parts optimizer

A file names what differs from the defaults (deploy/models has examples). The server stores the
specification with every default filled in, so that a later release changes nothing that exists:

  $ millrace model show bci

A model has no weights of its own: every stream has its own, drawn from its seed.
)text";

constexpr char kStreams[] = R"text(
A stream is one learner that lasts: weights, hidden state, sensitivities, optimizer slots, running
statistics, counters. It is reached by its name, survives disconnects, crashes and restarts, and
leaves memory when it is idle without anyone noticing.

  $ millrace stream open subject-2 --model bci --seed 8
  $ millrace stream list
  $ millrace stream show subject-1

Steps are numbered 1, 2, 3, ... applied_seq is the last one observed, learned_seq the last one
learned from or declared without target, durable_seq the last one that survives. Two servers that
were fed the same events show the same digests.

One writer at a time: a newer one takes the place of the older. Reading figures and peeking
disturb nobody. Rates may change while it runs, and a copy goes its own way:

  $ millrace stream set subject-1 optimizer.rate=2e-5
  $ millrace stream fork subject-1 subject-1-copy
  $ millrace stream delete subject-1-copy
)text";

constexpr char kTargets[] = R"text(
The model says where targets come from (part "target"):

  with_observation  with the step, or never
  next_input        the next step's input is the target: byte models, forecasting
  delayed           with the step or any time later, within a window of open steps

  $ millrace parts target

With delayed targets the learner trails the predictor: it stands at the oldest step whose target is
still open and goes through the stored inputs in order. What it learns does not differ by a bit from
targets that come on time. A step that will never have a target must be declared so, or it holds the
learner up: millrace replay does that, and a client says no_target_through.

A trial's label is told when the trial has ended: --release_column. A fixed delay: --target_delay.

  $ millrace replay subject-2 --inputs $D/20141211_s11_counts.npy \
      --targets $D/20141211_s11_labels.npy \
      --class_column 0 --ignore_class -1 --target_delay 20
  $ millrace stream settle subject-2
)text";

constexpr char kRules[] = R"text(
A rule forms the gradient of a step from the past without storing the past. By what a step costs
(n units, p weights):

  immediate   p        the last step only; with decay, traces
  rflo, snap1 p        each unit's own past; exact for diagonal cells
  rtrl        n^2 p    exact; p for diagonal cells such as lru, elstm, minGRU
  sparse_rtrl k n p    exact along chosen paths
  uoro, kf_rtrl        right on average, noisy
  tbptt       window p the last steps, exactly
  frozen      0        learns nothing

  $ millrace parts rule

Begin with the default (exact where that is cheap, else immediate) and with readout rates that are
larger than recurrent ones. Whether recurrent weights earn their keep is a question for a twin with
their rate at zero. Diagnostics say how the gradient looks, with advice in sentences:

  $ millrace stream set subject-1 monitor.diagnostics_every=100
  $ millrace stats subject-1
)text";

constexpr char kRecovery[] = R"text(
How much learning is worth is measured, not guessed: a shadow is a frozen copy of the weights that
predicts beside the stream on the same input.

  $ millrace stream shadow subject-1
  $ millrace replay subject-1 --inputs $D/20141211_s12_counts.npy \
      --targets $D/20141211_s12_labels.npy \
      --class_column 0 --ignore_class -1 --release_column 1
  $ millrace top --once

  gain     = shadow loss - live loss
  recovery = gain / (shadow loss - reference loss)

1 is back to normal, 0 no better than without learning; below 0 learning hurts. The reference is the
loss before the last shift, or your own:

  $ millrace stream set subject-1 monitor.reference_loss=0.14

Recovery is absent while the shadow is no worse than the reference by more than chance: then there
is nothing to recover from.
)text";

constexpr char kDrift[] = R"text(
A shift mark says that the loss rose (cause LOSS), or that the input changed (cause INPUT, which
needs no target). It is dated where the change began, not where it was noticed. Time to recover
counts from there until the live loss is back near the reference; the next mark ends the count.

  $ millrace stats subject-1 --json

marks, shifts, novelty (mean squared deviation of the inputs from their running statistics) and
silent_channels are in the answer; in millrace top a shift not yet recovered from shows as X. How
sensitive the detector is: monitor.shift_delta, shift_threshold, shift_warmup of the model.

  $ millrace parts monitor
)text";

constexpr char kSafety[] = R"text(
A trusted decoder is the shadow: frozen weights beside the learner on the same input. Whose
predictions are sent is a setting of the running stream:

  live     the learner's (the default)
  shadow   the trusted decoder's; the learner goes on learning beside it
  guarded  the learner's, until a block of units was worse than the shadow by a margin

Let the learner run beside the trusted decoder, and look at the gain before it may drive:

  $ millrace stream shadow subject-1
  $ millrace stream serve subject-1 shadow
  $ millrace stats subject-1 --json
  $ millrace stream guard subject-1 --margin 0.25 --units 50

The guard judges blocks of --units scored units (a unit is a release of targets, else a step). Until
the last block before the change, what was served is within the margin of the shadow in every block;
from the unit on from which each is worse, the change comes within 2 units - 1 units. It freezes the
learner, says so in every reply, in stats and in a metric, and goes back only on request:

  $ millrace stream unfreeze subject-1

The guard knows the targets that it is given. While targets are wrong, following them looks like
learning, and it changes nothing; it goes over when they are right again. Where targets cannot be
trusted for a time, serve the shadow, or freeze.

What was learned and found good becomes what is trusted; back to live:

  $ millrace stream promote subject-1 --force
  $ millrace stream serve subject-1 live

Other rails: guard.clip_norm, guard.max_step_change and guard.max_release_change bound an update;
freeze stops learning; restore brings back the last good copy; rollback goes back to a snapshot.
)text";

constexpr char kTournament[] = R"text(
Which rate is best is a question for the stream's own input. Variants are copies that differ in some
settings and learn on it beside the stream, in the same server, without a message of their own:

  $ printf 'variants { name: "fast" settings { name: "optimizer.rate" number: 1e-4 } }
      variants { name: "still" settings { name: "optimizer.rate" number: 0 } }' > rates.textproto
  $ millrace stream fork subject-1 --variants rates.textproto
  $ millrace replay subject-1 --inputs $D/20141211_s13_counts.npy \
      --targets $D/20141211_s13_labels.npy \
      --class_column 0 --ignore_class -1 --release_column 1
  $ millrace stream variants subject-1

They are ranked by the mean loss of what was served, on the same units as the stream's own. The
difference to the stream comes with a 95 % interval from 8 blocks on, each of 50 steps and 5 units
or more; where it spans zero nothing has been shown yet.

One becomes the stream, in one event: weights, settings, statistics. The stream's client goes on
without noticing, and a crash in between costs nothing.

  $ millrace stream promote subject-1 fast --force
  $ millrace stream delete subject-1.fast
  $ millrace stream delete subject-1.still
)text";

constexpr char kDurability[] = R"text(
Every change is an event. It is written to the journal before it is applied; snapshots bound how
much must be replayed. After a crash the stream has the same bits as if nothing had happened.

  DURABILITY_APPLIED  snapshots only: a crash costs the steps since the last one
  DURABILITY_PROCESS  survives kill -9 (the default)
  DURABILITY_SYNC     survives loss of power

durable_seq says what survives. A snapshot on request can be gone back to; the numbering rewinds:

  $ millrace stream snapshot subject-2
  $ millrace stream snapshots subject-2
  $ millrace stream rollback subject-2

A stream whose store is damaged is quarantined and says so (DATA_LOSS); the others serve. A client
that saw more steps called durable than were recovered gets LOST_STEPS until someone runs
millrace stream accept-loss.
)text";

constexpr char kBytes[] = R"text(
A model of bytes predicts the next byte and learns from it: text, logs, protocols.

  $ millrace model create bytes --spec deploy/models/bytes.textproto
  $ head -c 2000 README.md | millrace pipe reader --model bytes | tail -3

Each line is a byte's number, the byte, and its surprise in bits: what the stream thought of it
before it saw it. The last line is the mean. What is unlike the rest stands out:

  $ printf 'GET /index.html\nGET /index.html\nGET /etc/passwd\n' |
      millrace pipe reader | awk '$3 > 12'

Whole files, with scores against order-0 counts, and a frozen copy from the first file's end on:

  $ millrace replay reader --bytes CHANGELOG.md
)text";

constexpr char kRecordings[] = R"text(
millrace replay plays .npy files ([steps, inputs]; float32, float64, uint8, int16) or bytes, in
order, and scores the predictions as they were served, beside the shadow and trivial baselines.

  $ millrace replay subject-2 --inputs $D/20141211_s13_counts.npy \
      --targets $D/20141211_s13_labels.npy \
      --class_column 0 --ignore_class -1 --release_column 1 --json > report.json

As fast as it goes, or at the recording's own pace with --rate_hz. Files are sessions: hidden state
is zeroed between them unless --at_file_boundary continue. Ctrl-C finishes what is under way and
reports; --resume goes on where the stream stands. Figures are explained in client/README.md.

Your own two files to a picture of recovery: python client/python/examples/recovery.py X.npy Y.npy
)text";

constexpr char kOutput[] = R"text(
With --json every command prints one JSON value on standard output and nothing else; remarks and
progress go to standard error. millrace top without --once prints one value a frame.

  $ millrace stream list --json

An error is one line on standard error: what was asked, what was got, what is expected, what to do,
and the server's reason in parentheses, which is one word that scripts may look for.
)text";

}  // namespace

const std::vector<HelpTopic>& HelpTopics() {
  static const auto* const topics = new std::vector<HelpTopic>{
      {"start", "from nothing to a stream that learns", kStart},
      {"models", "parts, settings, specifications", kModels},
      {"streams", "what a stream is and how it is reached", kStreams},
      {"targets", "where targets come from, and how late they may be", kTargets},
      {"rules", "how a step's gradient is formed, and what it costs", kRules},
      {"recovery", "what learning is worth, measured", kRecovery},
      {"drift", "shift marks, novelty, silent channels", kDrift},
      {"safety", "a trusted decoder beside the learner, and the way back to it", kSafety},
      {"tournament", "variants that learn on the stream's own input", kTournament},
      {"durability", "what survives what", kDurability},
      {"bytes", "text and logs through a pipe", kBytes},
      {"recordings", "playing files and scoring them", kRecordings},
      {"output", "JSON, progress, errors", kOutput},
      {"exit-codes", "what the shell sees", absl::StrCat("\n", ExitCodeTable())},
  };
  return *topics;
}

}  // namespace millrace::client
