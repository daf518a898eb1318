"""Client of Millrace, the online-learning server for recurrent streams.

    import millrace

    with millrace.connect("127.0.0.1:7070") as server:
        server.create_model("bci", "deploy/models/bmi_wheelchair.textproto")
        server.open_stream("subject-1", model="bci", seed=7)
        with server.attach("subject-1") as stream:
            prediction = stream.step(x)                      # x: [inputs]
            stream.late_targets(prediction.seq, classes=[2])  # when the trial has ended
            print(server.stats("subject-1").live_loss)

Arrays are NumPy arrays; T is steps, d inputs, m outputs. Every call raises `millrace.Error` with
the server's code, reason and sentence.
"""

from millrace._client import Client, connect
from millrace._errors import Error
from millrace._results import LearnResult, Prediction, TargetsResult
from millrace._stream import StreamWriter

__all__ = ["Client", "Error", "LearnResult", "Prediction", "StreamWriter", "TargetsResult",
           "connect"]
