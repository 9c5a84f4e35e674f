"""What a failed API call means: exceptions of flickrapi and requests become our own.

``harvest/pace/retry.py`` defines them and says which are retried.
"""

from flickr_emotion.harvest.pace.retry import (
    ApiFailure,
    PhotoGoneError,
    PhotoPrivateError,
    RefusedError,
    TransientError,
    UnreachableError,
    UselessAnswerError,
)

# Codes of the REST API (``docs/flickr.md``).
_GONE = {1, 5}
_PRIVATE = {2}
_TRY_AGAIN = {0, 10, 105, 106, 201}
_KEY_REFUSED = {95, 96, 97, 98, 99, 100}
OUR_FAULT = {3, 18, 111, 112, 114, 115, 116}
"""Codes for a wrong call, or for a server that is not Flickr's API."""


def call_failure(
    error: Exception, retry_after: float | None, oauth_problem: str | None = None
) -> Exception:
    """Return the exception that says what a failed call means for its photo or owner.

    ``oauth_problem``: the problem that Flickr's OAuth named, if any.
    """
    if isinstance(error, ApiFailure):
        message = str(error)
        if error.code in _GONE:
            return PhotoGoneError(message)
        if error.code in _PRIVATE:
            return PhotoPrivateError(message)
        if error.code in _KEY_REFUSED:
            return _key_refused(message)
        if error.code in _TRY_AGAIN:
            return TransientError(message, retry_after=retry_after, down=True)
        return UselessAnswerError(message, code=error.code)
    import flickrapi  # With requests, it takes a tenth of a second.
    import requests

    if isinstance(error, flickrapi.FlickrError):
        return _http_failure(str(error), retry_after, oauth_problem)
    if isinstance(error, requests.ConnectTimeout) or _no_connection(error):
        return UnreachableError("no connection to the API")
    if isinstance(error, requests.RequestException):
        down = isinstance(error, requests.ConnectionError | requests.Timeout)
        return TransientError(f"{type(error).__name__} from the API", down=down)
    return error


def _no_connection(error: Exception) -> bool:
    import requests
    import urllib3

    # requests raises the same type for a refused connection and for one that broke later.
    inner = error.args[0] if isinstance(error, requests.ConnectionError) and error.args else None
    reason = getattr(inner, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _http_failure(message: str, retry_after: float | None, oauth_problem: str | None) -> Exception:
    if oauth_problem and oauth_problem.startswith("timestamp"):
        return RefusedError(
            f"Flickr refused the time of a call ({oauth_problem}): set this machine's clock"
        )
    # flickrapi gives the status only in the message.
    if oauth_problem or any(f"Status code {status} " in message for status in (400, 401, 403)):
        return _key_refused(f"{message}, {oauth_problem}" if oauth_problem else message)
    # Flickr's API answers with a 200 for every photo, so any other status is about the service.
    too_many = "code 429 " in message
    return TransientError(message, retry_after=retry_after, too_many=too_many, down=not too_many)


def _key_refused(message: str) -> RefusedError:
    return RefusedError(
        f"Flickr refused the API key or its secret ({message}): set FLICKR_API_KEY and "
        "FLICKR_API_SECRET, or --api-key and --api-secret, to a valid pair"
    )
