"""What the server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BLOCK_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.033, 0.05, 0.1, 0.2, 0.5, 1.0)


class ServiceMetrics:
    """The counters of one application; a registry of their own, so that several can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "kfusion_requests", "Answers to HTTP requests", ["path", "status"], registry=self.registry
        )
        self.refused = Counter(
            "kfusion_refused", "Requests and streams that were refused or broken off", ["code"], registry=self.registry
        )
        self.ready = Gauge("kfusion_ready", "1, or 0 once it is told to stop", registry=self.registry)
        self.streams = Gauge("kfusion_streams_active", "Streams", registry=self.registry)
        self.streams_limit = Gauge("kfusion_streams_limit", "Streams that are served at once", registry=self.registry)
        self.reads = Counter(
            "kfusion_reads",
            "Forms by what became of the process that read them: done, refused (the files cannot be used), limit (it "
            "took too long, too much or broke), stopped (nobody waited any more)",
            ["end"],
            registry=self.registry,
        )
        self.recordings = Gauge("kfusion_recordings_active", "Recordings, uploads included", registry=self.registry)
        self.speech_s = Counter("kfusion_speech_seconds", "Speech that was animated", ["way"], registry=self.registry)
        self.frames = Counter("kfusion_frames", "Landmark frames that were made", ["way"], registry=self.registry)
        self.block_s = Histogram(
            "kfusion_stream_block_seconds",
            "From 100 ms of sound taken off a stream to its frames, the wait for a thread included",
            buckets=BLOCK_BUCKETS_S,
            registry=self.registry,
        )

    def text(self) -> bytes:
        """All of it in the text format of Prometheus."""
        return generate_latest(self.registry)
