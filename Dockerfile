# The service as nobody, with nothing to write but /tmp. Build and run with limits:
#
#   docker build -t kfusion .
#   docker run --rm -p 127.0.0.1:8000:8000 -e KFUSION_TOKEN=... --read-only --tmpfs /tmp:size=1g,mode=1777 \
#       --memory 2g --cpus 2 --pids-limit 512 --cap-drop ALL --security-opt no-new-privileges kfusion
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY licences licences
COPY src src
RUN python -m venv /opt/kfusion && /opt/kfusion/bin/pip install --no-cache-dir --disable-pip-version-check '.[serve]'

FROM python:3.12-slim-bookworm
# What MediaPipe's landmarker links to; without it, only landmark files are taken for faces.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libegl1 libgles2 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/kfusion /opt/kfusion
ENV PATH=/opt/kfusion/bin:$PATH HOME=/tmp TMPDIR=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1
USER 65534:65534
WORKDIR /tmp
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
# Beyond loopback it wants a token: KFUSION_TOKEN.
ENTRYPOINT ["kfusion", "serve", "--host", "0.0.0.0", "--port", "8000"]
