# One image for all services of docker-compose.yml: the API, the dashboard, preparation and training.
# All dependencies come as wheels, so that no build tool is needed, and none stays.

ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS builder

# The index that torch and torchvision come from: CPU wheels by default (0.2 GB instead of 3 GB).
# An empty value takes pip's own index; https://download.pytorch.org/whl/cu128 is one for NVIDIA GPUs.
ARG TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

RUN python3 -m venv /opt/vqscope
ENV PATH=/opt/vqscope/bin:$PATH

WORKDIR /src
# Dependencies first: their layer is kept while only our code changes. Which releases of torch will do is said in
# pyproject.toml alone: the last command installs another one if the index has none of them. The extras come along
# (all maps, approximate search).
COPY pyproject.toml ./
# hadolint ignore=DL3013
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*p['dependencies'], *sum(p['optional-dependencies'].values(), []), sep='\n')" > requirements.txt \
 && if [ -n "${TORCH_INDEX_URL}" ]; then pip install --index-url "${TORCH_INDEX_URL}" torch torchvision; fi \
 && pip install -r requirements.txt

COPY README.md LICENSE ./
COPY model model
COPY backend backend
COPY dashboard dashboard
# The folders become volumes; a fresh volume takes owner and mode from here.
RUN pip install --no-deps . \
 && pip check \
 && mkdir -p /out/data /out/vqscope/models /out/vqscope/indexes


FROM ${PYTHON_IMAGE} AS runtime

ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="VQScope" \
      org.opencontainers.image.description="An interactive explorer of the latent space that a VQ-VAE learns from medical images. Research use only, not for diagnosis." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"

COPY --from=builder /opt/vqscope /opt/vqscope
COPY --from=builder --chown=10001:10001 /out/data /data
COPY --from=builder --chown=10001:10001 /out/vqscope /var/lib/vqscope

# HOME and the folder of matplotlib lie on the tmpfs: the root file system is read-only. What numba compiles is kept.
ENV PATH=/opt/vqscope/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    NUMBA_CACHE_DIR=/var/lib/vqscope/numba \
    VQSCOPE_CACHE=/var/lib/vqscope

USER 10001:10001
WORKDIR /tmp
EXPOSE 8000 8050

# podman keeps this with `podman build --format docker` only; docker-compose.yml says it again.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=6 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]

# Run alone this needs VQSCOPE_API_KEYS, or, where nobody else reaches the port, VQSCOPE_ALLOW_NO_KEY=1 and
# VQSCOPE_ALLOWED_HOSTS=localhost,127.0.0.1.
# What `vqscope explore --prepare-only --ready-dir /var/lib/vqscope/ready` linked there.
CMD ["vqscope", "serve", "--model", "/var/lib/vqscope/ready/model", "--index", "/var/lib/vqscope/ready/index", \
     "--data-dir", "/var/lib/vqscope/ready/data", "--host", "0.0.0.0", "--port", "8000"]
