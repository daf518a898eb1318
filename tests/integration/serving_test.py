"""What an operator meets: the serving line, configuration, health, reflection, TLS, signals."""

import re
import signal
import socket
import subprocess
import time

import grpc
import pytest
from millraced import PROGRAM, TIMEOUT_S, Server, vector_model
from millrace.v1 import learn_pb2, model_pb2

SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"  # grpc.health.v1.HealthCheckResponse.status


def run(*flags):
    return subprocess.run([PROGRAM, *flags], capture_output=True, text=True, timeout=TIMEOUT_S)


def health_request(service):
    return b"" if not service else b"\x0a" + bytes([len(service)]) + service.encode()


def check_health(server, service=""):
    return server.channel.unary_unary("/grpc.health.v1.Health/Check")(
        health_request(service), timeout=TIMEOUT_S)


def watch_health(server, service=""):
    return server.channel.unary_stream("/grpc.health.v1.Health/Watch")(
        health_request(service), timeout=TIMEOUT_S)


def test_it_prints_one_line_with_its_ports_and_logs_to_standard_error(store):
    with Server(store) as server:
        assert server.grpc_port > 0 and server.metrics_port > 0
        assert server.reported_store == str(store)
        assert server.terminate() == 0
        assert server.process.stdout.read() == ""
    assert re.search(r"^ts=\S+ level=info event=serving grpc=", server.log(), re.MULTILINE)
    assert re.search(r"event=drained status=OK", server.log())


def test_help_names_the_flags_and_version_is_told():
    shown = run("--help")
    assert shown.returncode == 0
    for flag in ("--listen", "--store", "--check_config", "--tls_cert", "--learn_budget_bytes"):
        assert flag in shown.stdout
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", run("--version").stdout)


def test_check_config_says_whether_the_configuration_is_good(tmp_path):
    good = tmp_path / "good.textproto"
    good.write_text(f'store: "{tmp_path}/store"\nlisten: "127.0.0.1:0"\nwatch_streams: "a"\n')
    checked = run("--config", good, "--check_config")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert not (tmp_path / "store").exists()

    bad = tmp_path / "bad.textproto"
    bad.write_text('store: "s"\nwindow_step: 5\n')
    checked = run("--config", bad, "--check_config")
    assert checked.returncode == 2
    assert "bad.textproto" in checked.stderr and "window_step" in checked.stderr
    assert checked.stderr.count("\n") == 1


@pytest.mark.parametrize("flags, words", [
    (["--store", "s", "--listen", "0.0.0.0:0"], ["0.0.0.0:0", "--insecure_listen", "--tls_cert"]),
    (["--store", "s", "--listen", "nowhere"], ["nowhere", "HOST:PORT"]),
    (["--store", "s", "--snapshot_steps", "0"], ["snapshot_steps", "0"]),
    (["--store", "s", "--no_such_flag"], ["no_such_flag"]),
    ([], ["--store"]),
])
def test_a_wrong_flag_is_one_sentence_and_exit_status_2(flags, words):
    refused = run(*flags)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    for word in words:
        assert word in refused.stderr


def test_an_address_that_is_taken_is_named_with_exit_status_1(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        for flag, other in (("--listen", "--metrics_listen"), ("--metrics_listen", "--listen")):
            refused = run("--store", tmp_path / "store", flag, address, other, "127.0.0.1:0")
            assert refused.returncode == 1, refused.stderr
            assert refused.stdout == ""
            assert address in refused.stderr.splitlines()[-1]


def test_plain_text_beyond_loopback_is_served_where_it_is_allowed(store):
    with Server(store, "--insecure_listen", listen="0.0.0.0:0") as server:
        assert server.grpc.startswith("0.0.0.0:")


def test_health_is_checked_and_watched_and_is_not_serving_while_it_drains(server):
    for service in ("", "millrace.v1.Learning"):
        assert check_health(server, service) == SERVING
    with pytest.raises(grpc.RpcError) as unknown:
        check_health(server, "no.such.Service")
    assert unknown.value.code() == grpc.StatusCode.NOT_FOUND
    watch = watch_health(server)
    assert next(watch) == SERVING
    server.process.send_signal(signal.SIGTERM)
    assert next(watch) == NOT_SERVING
    assert server.process.wait(TIMEOUT_S) == 0


def test_reflection_lists_the_services(server):
    call = server.channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    answer = next(call(iter([b"\x3a\x00"]), timeout=TIMEOUT_S))  # list_services
    for service in (b"millrace.v1.Models", b"millrace.v1.Streams", b"millrace.v1.Learning",
                    b"grpc.health.v1.Health"):
        assert service in answer


def test_systemd_hears_that_it_is_ready_and_that_it_stops(store, tmp_path_factory, monkeypatch):
    path = tmp_path_factory.mktemp("n") / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(str(path))
        notices.settimeout(TIMEOUT_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        with Server(store) as server:
            assert notices.recv(100) == b"READY=1"
            assert server.terminate() == 0
        assert notices.recv(100) == b"STOPPING=1"


@pytest.fixture
def unread(store):
    """A server with a call that has more replies than fit the connection, and nobody reads them."""
    with Server(store, "--window_steps", "1000000", "--window_bytes", "100000000",
                "--drain_timeout_s", "4") as server:
        server.create_model("wide", vector_model(outputs=64))
        server.open_stream("a", "wide")
        with server.learn() as call:
            attached = call.attach("a")
            for seq in range(1, 300_000, 1000):
                call.send(learn_pb2.LearnPart(
                    part_id=seq, stream="a", epoch=attached.epoch,
                    writer_token=attached.attach.writer_token,
                    observe=learn_pb2.Observe(first_seq=seq, floats=[0.5] * 4000)))
            server.acknowledged = call.answer().durable_seq
            # 10 MB of replies are waiting before the signal comes: on a quiet machine it would
            # otherwise overtake the observations.
            deadline = time.monotonic() + TIMEOUT_S
            while server.stream("a").applied_seq < 40_000:
                assert time.monotonic() < deadline, "the observations were not applied"
            yield server


def test_a_second_signal_ends_it_at_once_and_nothing_is_lost(store, unread):
    unread.process.send_signal(signal.SIGTERM)
    while "event=draining" not in unread.log():
        assert unread.process.poll() is None
    unread.process.send_signal(signal.SIGTERM)
    assert unread.process.wait(TIMEOUT_S) == 128 + signal.SIGTERM
    with Server(store) as server:
        assert server.stream("a").applied_seq >= unread.acknowledged > 0


def test_a_reader_that_does_not_read_keeps_a_drain_no_longer_than_its_time(store, unread):
    assert unread.terminate() == 0
    assert "event=drain_calls_left learn=1" in unread.log()
    with Server(store) as server:
        stream = server.stream("a")
        assert stream.applied_seq == stream.durable_seq >= unread.acknowledged > 0


def make_certificate(folder, name, *more):
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-keyout", key, "-out",
                    certificate, "-subj", f"/CN={name}", *more], check=True, capture_output=True)
    return certificate, key


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    return {"server": make_certificate(folder, "localhost", "-addext",
                                       "subjectAltName=IP:127.0.0.1,DNS:localhost"),
            "client": make_certificate(folder, "client"),
            "stranger": make_certificate(folder, "stranger")}


def list_models(server):
    return server.models.ListModels(model_pb2.ListModelsRequest(), timeout=TIMEOUT_S)


def test_tls_serves_who_trusts_the_certificate_and_nobody_in_plain_text(store, certificates):
    cert, key = certificates["server"]
    with Server(store, "--tls_cert", cert, "--tls_key", key) as server:
        server.connect(grpc.ssl_channel_credentials(cert.read_bytes()))
        list_models(server)
        for wrong in (None, grpc.ssl_channel_credentials(
                certificates["stranger"][0].read_bytes())):
            server.connect(wrong)
            with pytest.raises(grpc.RpcError) as refused:
                list_models(server)
            assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


def test_mutual_tls_lets_in_only_clients_of_its_authority(store, certificates):
    cert, key = certificates["server"]
    authority = certificates["client"][0]
    with Server(store, "--tls_cert", cert, "--tls_key", key, "--tls_client_ca",
                authority) as server:
        for name, let_in in (("client", True), ("stranger", False), (None, False)):
            pair = [path.read_bytes() for path in certificates[name]] if name else [None, None]
            server.connect(grpc.ssl_channel_credentials(cert.read_bytes(), pair[1], pair[0]))
            if let_in:
                list_models(server)
                continue
            with pytest.raises(grpc.RpcError) as refused:
                list_models(server)
            assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_key_of_another_certificate_is_refused_before_it_serves(store, certificates):
    refused = run("--store", store, "--listen", "127.0.0.1:0", "--tls_cert",
                  certificates["server"][0], "--tls_key", certificates["client"][1])
    assert refused.returncode == 2
    assert "does not belong" in refused.stderr
