"""What the dashboards show: the one source of dashboards/*.json, see make_dashboards.py."""

from __future__ import annotations

from panels import Board, Panel, Query

INSTANCE = ("instance", "Server", 'label_values(millrace_build_info, instance)')
MODEL = ("model", "Model", "label_values(millrace_streams, model)")
STREAM = ("stream", "Stream", "label_values(millrace_stream_applied_steps, stream)")
OF_SERVER = 'instance=~"$instance"'
OF_MODEL = 'instance=~"$instance",model=~"$model"'
OF_STREAM = 'instance=~"$instance",stream=~"$stream"'
BY_STREAM, BY_MODEL, BY_SERVER = "{{stream}}", "{{model}}", "{{instance}}"


def shifts(where: str) -> tuple[str, str, str]:
    """A mark wherever a watched stream raised a shift."""
    now = f"millrace_stream_shifts{{{where}}}"
    return ("Shift", f"{now} - {now} offset $__interval > 0",
            "{{stream}}: the detector saw a change")


def stat(title: str, unit: str, expr: str, description: str) -> Panel:
    return Panel(title, unit, [Query(expr, "")], description, kind="stat", width=4, height=4)


def lines(title: str, unit: str, queries: list[tuple[str, str]], description: str,
          wide_range: bool = False, linear_below: float = 0.1) -> Panel:
    return Panel(title, unit, [Query(*query) for query in queries], description,
                 wide_range=wide_range, linear_below=linear_below)


def histogram(title: str, unit: str, expr: str, description: str) -> Panel:
    return Panel(title, unit, [Query(expr, BY_STREAM)], description, kind="histogram")


def buckets(title: str, metric: str, where: str, description: str) -> Panel:
    """What fell into each bucket of a histogram in the time shown."""
    expr = f"sum by (le) (increase({metric}_bucket{{{where}}}[$__range]))"
    return Panel(title, "short", [Query(expr, "{{le}}")], description, kind="bargauge")


def quantiles(metric: str, where: str, by: str = "le") -> list[tuple[str, str]]:
    """Median, 95 % and 99 % of a histogram."""
    rate = f"sum by ({by}) (rate({metric}_bucket{{{where}}}[$__rate_interval]))"
    prefix = "{{method}} " if "method" in by else ""
    return [(f"histogram_quantile({q}, {rate})", f"{prefix}{name}")
            for q, name in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))]


FLEET = Board(
    "millrace-fleet", "Millrace: fleet", "All servers and models: are they well, do they adapt?",
    [
        stat("Servers up", "short", f'sum(up{{job="millrace",{OF_SERVER}}})',
             "Servers that answer scrapes."),
        stat("Streams", "short", f"sum(millrace_streams{{{OF_SERVER}}})",
             "Streams in memory and paged out."),
        stat("Steps a second", "short",
             f"sum(rate(millrace_steps_total{{{OF_SERVER}}}[$__rate_interval]))",
             "Steps applied over all models."),
        stat("Healthy", "short", f"min(millrace_healthy{{{OF_SERVER}}})",
             "0: some store is out of space, or a stream is quarantined."),
        stat("Shifts", "short", f"round(sum(increase(millrace_shifts_total{{{OF_SERVER}}}[1h])))",
             "Shift marks of the last hour."),
        stat("Alerts", "short",
             'count(ALERTS{alertname=~"Millrace.*",alertstate="firing"}) or vector(0)',
             "Alerts that fire now; deploy/runbook.md has a section for each."),
        lines("Loss, live against shadow", "short",
              [(f"avg by (model) (millrace_live_loss_mean{{{OF_SERVER}}})", "{{model}} live"),
               (f"avg by (model) (millrace_shadow_loss_mean{{{OF_SERVER}}})", "{{model}} shadow")],
              "Mean running loss over a model's streams. The shadow is the same network, frozen.",
              wide_range=True),
        lines("Recovery", "percentunit",
              [(f"avg by (model) (millrace_recovery_mean{{{OF_SERVER}}})", BY_MODEL)],
              "What part of a shift's cost learning made up for; 1 is all of it."),
        lines("Recovery over watched streams", "percentunit",
              [(f"quantile({q}, millrace_stream_recovery{{{OF_SERVER}}})", name)
               for q, name in ((0.1, "worst tenth"), (0.5, "median"), (0.9, "best tenth"))],
              "How recovery is spread over the watched streams."),
        histogram("Distribution of recovery", "percentunit",
                  f"millrace_stream_recovery{{{OF_SERVER}}}",
                  "Watched streams' recovery at each point of the time shown."),
        buckets("Units to recover", "millrace_units_to_recover", OF_SERVER,
                "Scored units from a shift until the loss was back: every recovery of every stream "
                "in the time shown, by upper bound."),
        lines("Shifts", "short",
              [(f"sum by (model) (increase(millrace_shifts_total{{{OF_SERVER}}}"
                f"[$__rate_interval]))", BY_MODEL)], "Shift marks raised in the time of a point."),
        lines("Steps a second by model", "short",
              [(f"sum by (model) (rate(millrace_steps_total{{{OF_SERVER}}}[$__rate_interval]))",
                BY_MODEL)], "Steps applied."),
        lines("What learning costs", "s",
              [(f"avg by (model) (model:millrace_{part}_seconds_per_step:rate5m{{{OF_SERVER}}})",
                f"{{{{model}}}} {part}") for part in ("learner", "prediction")],
              "Time a step that the learner takes, apart from predicting and scoring."),
        lines("Processor a step", "s",
              [(f"sum(rate(process_cpu_seconds_total{{job=\"millrace\",{OF_SERVER}}}"
                f"[$__rate_interval])) / "
                f"(sum(rate(millrace_steps_total{{{OF_SERVER}}}[$__rate_interval])) > 0)",
                "whole server"),
               (f"sum(rate(millrace_apply_seconds_sum{{{OF_SERVER}}}[$__rate_interval])) / "
                f"(sum(rate(millrace_steps_total{{{OF_SERVER}}}[$__rate_interval])) > 0)",
                "prediction and learning")],
              "What a step costs: processor time of the server, and by the clock the time that "
              "predicts and learns."),
    ], [INSTANCE], [shifts(OF_SERVER)])

MODEL_BOARD = Board(
    "millrace-model", "Millrace: model", "One model's streams: do they learn, and is it good?",
    [
        stat("Streams", "short", f"sum(millrace_streams{{{OF_MODEL}}})",
             "In memory and paged out."),
        stat("Frozen", "short", f"sum(millrace_streams_frozen{{{OF_MODEL}}})",
             "Streams that serve and do not learn."),
        stat("Quarantined", "short", f"sum(millrace_streams_quarantined{{{OF_MODEL}}})",
             "Streams with damaged pieces in the store."),
        stat("Serve their shadow", "short",
             f"sum(millrace_streams_serving_shadow{{{OF_MODEL}}})",
             "Streams whose frozen shadow is served: by policy, or since the learner was worse."),
        stat("Resumed inexactly", "short", f"sum(millrace_streams_resumed_inexactly{{{OF_MODEL}}})",
             "Streams that went on with another processor's arithmetic."),
        stat("Divergences", "short",
             f"round(sum(increase(millrace_divergences_total{{{OF_MODEL}}}[1h])))",
             "In the last hour."),
        lines("Loss, live against shadow", "short",
              [(f"millrace_live_loss_mean{{{OF_MODEL}}}", "{{model}} live"),
               (f"millrace_shadow_loss_mean{{{OF_MODEL}}}", "{{model}} shadow")],
              "Means over the streams that have the figure.", wide_range=True),
        lines("Gain", "short", [(f"millrace_gain_mean{{{OF_MODEL}}}", BY_MODEL)],
              "Shadow loss less live loss: above 0, learning pays."),
        lines("Recovery", "percentunit", [(f"millrace_recovery_mean{{{OF_MODEL}}}", BY_MODEL)],
              "Gain over what the shift cost the shadow."),
        lines("Streams behind the means", "short",
              [(f"millrace_live_loss_streams{{{OF_MODEL}}}", "{{model}} live loss"),
               (f"millrace_shadow_loss_streams{{{OF_MODEL}}}", "{{model}} shadow loss"),
               (f"millrace_recovery_streams{{{OF_MODEL}}}", "{{model}} recovery")],
              "How many streams have each figure."),
        lines("Steps and updates a second", "short",
              [(f"sum by (model) (rate(millrace_steps_total{{{OF_MODEL}}}[$__rate_interval]))",
                "{{model}} steps"),
               (f"sum by (model) (rate(millrace_updates_total{{{OF_MODEL}}}[$__rate_interval]))",
                "{{model}} updates")], "An update is one change of the weights."),
        lines("Updates skipped a second", "short",
              [(f"sum by (model, reason) (rate(millrace_skipped_updates_total{{{OF_MODEL}}}"
                f"[$__rate_interval]))", "{{model}} {{reason}}")],
              "Steps that changed no weight: something was not finite, no target came, or learning "
              "was not asked for (frozen, scored only)."),
        lines("Updates clipped", "percentunit",
              [(f"sum by (model) (rate(millrace_clipped_updates_total{{{OF_MODEL}}}"
                f"[$__rate_interval])) / (sum by (model) (rate(millrace_updates_total{{{OF_MODEL}}}"
                f"[$__rate_interval])) > 0)", BY_MODEL)],
              "Part of the updates whose gradient or change was clipped."),
        lines("Divergences and restores", "short",
              [(f"sum by (model) (increase(millrace_divergences_total{{{OF_MODEL}}}[5m]))",
                "{{model}} divergences"),
               (f"sum by (model) (increase(millrace_restores_total{{{OF_MODEL}}}[5m]))",
                "{{model}} restores")], "In five minutes."),
        lines("What learning costs", "s",
              [(f"model:millrace_learner_seconds_per_step:rate5m{{{OF_MODEL}}}",
                "{{model}} learner"),
               (f"model:millrace_prediction_seconds_per_step:rate5m{{{OF_MODEL}}}",
                "{{model}} prediction")],
              "Time a step that the learner takes, apart from predicting and scoring."),
        buckets("Units to recover", "millrace_units_to_recover", OF_MODEL,
                "Every recovery in the time shown, by upper bound."),
        lines("Shifts", "short",
              [(f"sum by (model) (increase(millrace_shifts_total{{{OF_MODEL}}}"
                f"[$__rate_interval]))", BY_MODEL)], "Shift marks raised in the time of a point."),
        lines("Shifts that the next one cut short", "short",
              [(f"sum by (model) (increase(millrace_shifts_censored_total{{{OF_MODEL}}}[5m]))",
                BY_MODEL)], "Not recovered from when the next shift came; in five minutes."),
        lines("Steps not yet durable", "short",
              [(f"sum by (model) (millrace_undurable_steps{{{OF_MODEL}}})", BY_MODEL)],
              "Applied, and not yet covered by what the model promises: a write, a group commit, a "
              "snapshot."),
        lines("Where streams are", "short",
              [(f"sum by (model, state) (millrace_streams{{{OF_MODEL}}})", "{{model}} {{state}}")],
              "In memory, or paged out until they are used."),
    ], [INSTANCE, MODEL])


def of_stream(metric: str, legend: str = BY_STREAM) -> tuple[str, str]:
    return f"millrace_stream_{metric}{{{OF_STREAM}}}", legend


STREAM_BOARD = Board(
    "millrace-stream", "Millrace: stream", "One watched stream: loss, recovery, input, gradient.",
    [
        lines("Loss", "short",
              [of_stream("live_loss", "{{stream}} live"),
               of_stream("shadow_loss", "{{stream}} shadow"),
               of_stream("reference_loss", "{{stream}} reference")],
              "Live learns, the shadow is frozen, the reference is what it was before the shift.",
              wide_range=True),
        lines("Recovery", "percentunit", [of_stream("recovery")],
              "Gain over (shadow loss less reference). Lines across are shifts."),
        lines("Gain", "short", [of_stream("gain")], "Shadow loss less live loss.",
              wide_range=True),
        lines("Loss above the reference", "short",
              [(f"stream:millrace_excess_loss{{{OF_STREAM}}}", BY_STREAM),
               (f"max_over_time(stream:millrace_excess_loss{{{OF_STREAM}}}[1h])",
                "{{stream}} shock")],
              "What a shift costs now; the shock is the most of the last hour."),
        histogram("Units to recover", "short", of_stream("units_to_recover")[0],
                  "Scored units from the latest shift that is over until the loss was back, at "
                  "each point of time: one that stands long counts often."),
        lines("Shifts", "short", [of_stream("shifts")], "Shift marks since the stream was opened."),
        lines("Accuracy", "percentunit", [of_stream("accuracy")], "Streams that classify."),
        lines("Calibration", "short",
              [of_stream("brier_score", "{{stream}} Brier score"),
               of_stream("coverage", "{{stream}} coverage")],
              "Brier score: 0 is best. Coverage: targets within one standard deviation; 0.68 is "
              "right for normal residuals."),
        lines("Novelty", "short", [of_stream("novelty")],
              "Mean square of normalised inputs: 1 is usual. Needs no target."),
        lines("Disagreement with the shadow", "short", [of_stream("disagreement")],
              "Mean square difference of the two outputs. Needs no target.", wide_range=True),
        lines("Serves its shadow", "short", [of_stream("serving_shadow")],
              "1 while the frozen shadow's predictions are served."),
        lines("Updates clipped a second", "short",
              [(f"rate(millrace_stream_clipped_updates{{{OF_STREAM}}}[$__rate_interval])",
                BY_STREAM)], "Gradient or change above its bound."),
        lines("Silent channels", "short", [of_stream("silent_channels")],
              "Input channels that do not change."),
        lines("The learner's trail", "short",
              [of_stream("trailing_steps", "{{stream}} behind"),
               of_stream("open_steps", "{{stream}} without target")],
              "Steps the learner is behind, and steps that wait for their target."),
        lines("Steps a second", "short",
              [(f"rate(millrace_stream_applied_steps{{{OF_STREAM}}}[$__rate_interval])",
                BY_STREAM)], "Steps observed; a roll-back shows as a peak."),
        lines("Gradient by group", "short",
              [of_stream("gradient_norm", "{{stream}} {{group}}")],
              "Norm before the clip (diagnostics on).", wide_range=True),
        lines("Recurrent gradient over readout's", "short", [of_stream("gradient_ratio")],
              "Near 0: the recurrent weights hardly learn (diagnostics on)."),
        lines("Self-propagation", "short",
              [of_stream("self_propagation"), of_stream("absolute_self_propagation",
                                                        "{{stream}} absolute")],
              "Mean diagonal of the state's Jacobian (diagnostics on)."),
        lines("Sensitivities", "short",
              [of_stream("sensitivity_norm", "{{stream}} norm"),
               of_stream("condition_number", "{{stream}} condition"),
               of_stream("effective_rank", "{{stream}} rank")],
              "Of outputs by parameters (diagnostics on; condition and rank with LibTorch).",
              wide_range=True),
        lines("Against the exact gradient", "short",
              [of_stream("exact_cosine", "{{stream}} cosine"),
               of_stream("exact_norm_ratio", "{{stream}} norm ratio")],
              "1 is the exact gradient (exact_cosine on)."),
        lines("Advice", "short", [of_stream("advice")],
              "Pieces of advice; millrace stats NAME prints them."),
        lines("Step of the latest shift", "short", [of_stream("last_shift_seq")],
              "Where the recording was when it changed."),
    ], [INSTANCE, STREAM], [shifts(OF_STREAM)])


def seconds(title: str, metric: str, description: str) -> Panel:
    return lines(title, "s", quantiles(metric, OF_SERVER), description)


SERVER = Board(
    "millrace-server", "Millrace: server", "One process: time, memory, journal, calls.",
    [
        stat("Version", "short", f"sum by (version) (millrace_build_info{{{OF_SERVER}}})",
             "Servers of each version."),
        stat("Up for", "s",
             f'time() - max(process_start_time_seconds{{job="millrace",{OF_SERVER}}})',
             "Since the latest start."),
        stat("Replayed at start", "short", f"sum(millrace_replayed_events{{{OF_SERVER}}})",
             "Journal events replayed at start and when streams came back."),
        stat("Start took", "s", f"max(millrace_resume_seconds{{{OF_SERVER}}})",
             "Time of that replay."),
        stat("Streams found", "short", f"sum(millrace_resumed_streams{{{OF_SERVER}}})",
             "Streams found in the store at start."),
        stat("Free for the store", "bytes", f"min(millrace_store_free_bytes{{{OF_SERVER}}})",
             "Below min_free_bytes observations are refused."),
        lines("Threads that apply steps", "short",
              [(f"sum by (instance) (rate(millrace_apply_seconds_sum{{{OF_SERVER}}}"
                f"[$__rate_interval]))", "{{instance}} predict and learn"),
               (f"sum by (instance) (rate(process_cpu_seconds_total{{job=\"millrace\",{OF_SERVER}}}"
                f"[$__rate_interval]))", "{{instance}} whole process")],
              "Cores' worth of time; near the number of cores the machine is full."),
        lines("Time a step", "s",
              [(f"instance:millrace_apply_seconds_per_step:rate1m{{{OF_SERVER}}}", BY_SERVER)],
              "Mean time to predict, score and learn one step."),
        seconds("Time a part waits", "millrace_queue_wait_seconds",
                "From its acceptance to its first step: other work, and the journal's write."),
        seconds("Time a step, by quantile", "millrace_step_seconds", "Means over their parts."),
        seconds("Time a part", "millrace_apply_seconds",
                "One part is one observation of one or many steps."),
        lines("Batches", "short",
              [(f"sum(rate(millrace_batch_streams_sum{{{OF_SERVER}}}[$__rate_interval])) / "
                f"(sum(rate(millrace_batch_streams_count{{{OF_SERVER}}}[$__rate_interval])) > 0)",
                "streams"),
               (f"sum(rate(millrace_batch_steps_sum{{{OF_SERVER}}}[$__rate_interval])) / "
                f"(sum(rate(millrace_batch_steps_count{{{OF_SERVER}}}[$__rate_interval])) > 0)",
                "steps")], "Mean size. A batch forms only while the one before runs."),
        seconds("Journal write", "millrace_journal_write_seconds", "Before its steps are applied."),
        seconds("Group commit", "millrace_journal_sync_seconds",
                "fsync; models of durability SYNC wait for it."),
        seconds("Snapshot write", "millrace_snapshot_write_seconds", "One stream's snapshot."),
        lines("Written", "Bps",
              [(f"sum(rate(millrace_journal_written_bytes_total{{{OF_SERVER}}}[$__rate_interval]))",
                "journal"),
               (f"sum(rate(millrace_snapshot_written_bytes_total{{{OF_SERVER}}}"
                f"[$__rate_interval]))", "snapshots")], "Bytes a second to the store."),
        lines("Memory", "bytes",
              [(f'process_resident_memory_bytes{{job="millrace",{OF_SERVER}}}',
                "{{instance}} process"),
               (f"millrace_resident_bytes{{{OF_SERVER}}}", "{{instance}} streams")],
              "Resident memory, and what of it is streams."),
        lines("Part of the memory limit taken", "percentunit",
              [(f"millrace_resident_bytes{{{OF_SERVER}}} / millrace_memory_limit_bytes",
                BY_SERVER)], "At 1 streams are paged out for others."),
        lines("State by kind", "bytes",
              [(f"sum by (tier, kind) (millrace_state_bytes{{{OF_SERVER}}}) > 0",
                "{{kind}} in {{tier}}")], "What the streams' memory and store are taken by.",
              wide_range=True, linear_below=1000),
        lines("Journal kept", "bytes", [(f"millrace_journal_bytes{{{OF_SERVER}}}", BY_SERVER)],
              "Since the oldest snapshots needed: what a start must read."),
        lines("Calls a second", "short",
              [(f"sum by (method, code) (rate(millrace_rpcs_total{{{OF_SERVER}}}"
                f"[$__rate_interval]))", "{{method}} {{code}}")], "Calls ended, by status code."),
        lines("Time a call", "s", quantiles("millrace_rpc_seconds", OF_SERVER, "method, le")[2:],
              "99 % of the calls are faster. Learn and WatchStats last as long as clients like."),
        lines("Calls open", "short",
              [(f"sum(millrace_learn_calls_open{{{OF_SERVER}}})", "Learn"),
               (f"sum(millrace_watch_calls_open{{{OF_SERVER}}})", "WatchStats")], "Now."),
        lines("Parts refused a second", "short",
              [(f"sum by (reason) (rate(millrace_parts_refused_total{{{OF_SERVER}}}"
                f"[$__rate_interval]))", "{{reason}}")], "By reason; the runbook has a table."),
        lines("Parts waiting", "short", [(f"millrace_queued_parts{{{OF_SERVER}}}", BY_SERVER)],
              "Accepted and not yet answered."),
        lines("Answers of the HTTP port a second", "short",
              [(f"sum by (path, code) (rate(millrace_http_requests_total{{{OF_SERVER}}}"
                f"[$__rate_interval]))", "{{path}} {{code}}")], "Scrapes, and looks at the page."),
        seconds("Time of an answer", "millrace_http_seconds", "Of the HTTP port."),
        lines("Writes lost", "short",
              [(f"millrace_journal_lost_writes{{{OF_SERVER}}}", BY_SERVER)],
              "Synced once and not found at the latest start: the disk lost them."),
        lines("Open files", "short",
              [(f'process_open_fds{{job="millrace",{OF_SERVER}}}', BY_SERVER)],
              "Descriptors: connections and the store's files."),
    ], [INSTANCE])

BOARDS = {"fleet": FLEET, "model": MODEL_BOARD, "stream": STREAM_BOARD, "server": SERVER}
