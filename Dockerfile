# syntax=docker/dockerfile:1
# Small image that runs chanlint on a mounted folder:  docker run --rm -v "$PWD:/src:ro" chanlint check
FROM python:3.13-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/chanlint \
    && /opt/chanlint/bin/pip install --no-cache-dir --no-compile . \
    && rm -rf /opt/chanlint/bin/pip* /opt/chanlint/lib/python3.13/site-packages/pip*

FROM python:3.13-slim
COPY --from=build /opt/chanlint /opt/chanlint
ENV PATH=/opt/chanlint/bin:$PATH PYTHONDONTWRITEBYTECODE=1
RUN useradd --no-create-home --uid 10001 chanlint
USER 10001
WORKDIR /src
ENTRYPOINT ["chanlint"]
CMD ["check"]
