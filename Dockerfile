# Two stages: the first installs into a virtual environment, the second holds nothing but that environment.
#
#   docker build -t yiqiao .
#   docker run --rm -v yiqiao-data:/data yiqiao yiqiao seed     (demonstration data, once; then add -e YIQIAO_DEMO=1 above)
#   docker run -p 8000:8000 -v yiqiao-data:/data yiqiao

FROM python:3.11-slim AS build

# Where the CPU build of PyTorch is published. A plain `torch` may bring a CUDA build of several GB.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/yiqiao
ENV PATH="/opt/yiqiao/bin:$PATH"
WORKDIR /src

COPY constraints-torch.txt constraints.txt ./
RUN pip install --no-cache-dir -c constraints-torch.txt -c constraints.txt --extra-index-url "$TORCH_INDEX" torch

# The dependencies have a layer of their own, so that a change of the source does not install them again.
COPY pyproject.toml ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
        > requirements.txt \
    && pip install --no-cache-dir -c constraints-torch.txt -c constraints.txt -r requirements.txt

COPY README.md LICENSE NOTICE ./
COPY backend backend
COPY embeddings embeddings
COPY frontend frontend
COPY seed_data seed_data
RUN pip install --no-cache-dir --no-deps .


FROM python:3.11-slim

RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin yiqiao \
    && install --directory --owner=yiqiao --group=yiqiao --mode=0700 /data
COPY --from=build /opt/yiqiao /opt/yiqiao

ENV PATH="/opt/yiqiao/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    YIQIAO_DATA_DIR=/data \
    YIQIAO_HOST=0.0.0.0 \
    YIQIAO_PORT=8000

USER 10001
WORKDIR /home/yiqiao
VOLUME /data
EXPOSE 8000

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"YIQIAO_PORT\"]}/readyz', timeout=4)"]

CMD ["yiqiao", "serve"]
