# The HTTP door (src/main.py) as a container, for Knative, Cloud Run, or anything else that runs an image with a port:
#   docker build --tag apig-certificate-detach .
#   docker run --read-only --publish 8080:8080 --env SECRET_URI=… apig-certificate-detach
# A tag may name another image tomorrow. If a build has to give the same image again, name the base by its digest:
# FROM python:3.13-slim-trixie@sha256:…, as `docker buildx imagetools inspect python:3.13-slim-trixie` tells it.

FROM python:3.13-slim-trixie AS build
WORKDIR /build
COPY requirements/free-standing.txt ./
# What is shipped has no pip. The pip of this stage installs into it: only wheels, and only those with a known hash.
RUN python -m venv --without-pip /venv \
    && python -m pip --python /venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check \
       --require-hashes --only-binary :all: --requirement free-standing.txt
COPY src /app
# The file system will be read-only, so no bytecode could be written later. It is compiled here, and it is never compared
# with its source.
RUN python -m compileall -q --invalidation-mode unchecked-hash /venv/lib /app

FROM python:3.13-slim-trixie
COPY --from=build /venv /venv
COPY --from=build /app /app
# FUNCTION_TARGET may also be a function of one kind: certificate_expiry, domain_decommission, scheduled_cleanup, undo.
# THREADS: for events, as many as the platform sends requests at once.
# GUNICORN_CMD_ARGS:
# --worker-class: src/serve.py, so that slow clients and idle connections hold no thread.
# --timeout=0: a platform may take the CPU away between requests, and a healthy worker would then be taken for dead.
# --graceful-timeout: how long a request that has begun may take after SIGTERM, if the platform waits that long.
# --keep-alive: longer than a proxy keeps a connection, so that the proxy is the one to close it.
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PORT=8080 \
    FUNCTION_SOURCE=/app/main.py \
    FUNCTION_TARGET=handler \
    THREADS=16 \
    GUNICORN_CMD_ARGS="--worker-class=serve.Worker --timeout=0 --graceful-timeout=300 --keep-alive=120"
WORKDIR /app
# A number and no name, so that Kubernetes can check runAsNonRoot.
USER 65532:65532
EXPOSE 8080
# functions-framework's own command has no --graceful-timeout, so gunicorn is started directly, with functions-framework's
# app behind src/serve.py. As process 1 it gets the SIGTERM. There is one worker, because its threads share one token. /dev/shm is the only place that can be written to.
# There is no HEALTHCHECK: the platforms ask GET /health themselves, and Kubernetes ignores a HEALTHCHECK.
CMD ["gunicorn", "--workers=1", "--worker-tmp-dir=/dev/shm", "--no-control-socket", "serve:create_app()"]
