# The free-standing door as a container, for Knative, Cloud Run, or anything else that runs an image with a port:
#   docker build --tag apig-certificate-detach .
#   docker run --read-only --publish 8080:8080 --env SECRET_URI=… apig-certificate-detach
# A tag moves. A build that has to give the same image again names the base by its digest, which
# `docker buildx imagetools inspect python:3.13-slim-trixie` tells: FROM python:3.13-slim-trixie@sha256:…

FROM python:3.13-slim-trixie AS build
WORKDIR /build
COPY requirements/free-standing.txt ./
# No pip in what is shipped: the image's own one installs from outside, wheels only, each by its hash.
RUN python -m venv --without-pip /venv \
    && python -m pip --python /venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check \
       --require-hashes --only-binary :all: --requirement free-standing.txt
COPY src /app
# Bytecode that is never compared with its source: the file system is read-only, so none would ever be written.
RUN python -m compileall -q --invalidation-mode unchecked-hash /venv/lib /app

FROM python:3.13-slim-trixie
COPY --from=build /venv /venv
COPY --from=build /app /app
# FUNCTION_TARGET may also be certificate_expiry, domain_decommission, scheduled_cleanup: functions of one kind.
# GUNICORN_CMD_ARGS: threads as many as requests the platform sends at once; --timeout=0, for a platform that takes the
# CPU away between requests makes a healthy worker look dead; connections are kept longer than a proxy keeps them;
# --graceful-timeout is what an event in hand gets after SIGTERM, if the platform waits that long.
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PORT=8080 \
    FUNCTION_SOURCE=/app/main.py \
    FUNCTION_TARGET=handler \
    GUNICORN_CMD_ARGS="--threads=16 --timeout=0 --graceful-timeout=300 --keep-alive=120"
WORKDIR /app
# A number, so that Kubernetes can check runAsNonRoot.
USER 65532:65532
EXPOSE 8080
# functions-framework's own command knows no --graceful-timeout, so gunicorn is started itself; as process 1 it gets
# the SIGTERM. One worker, for its threads share one token; /dev/shm is the one place that can be written to.
# No HEALTHCHECK: the platforms ask GET /health themselves, and Kubernetes ignores it.
CMD ["gunicorn", "--workers=1", "--worker-tmp-dir=/dev/shm", "--no-control-socket", "functions_framework:create_app()"]
