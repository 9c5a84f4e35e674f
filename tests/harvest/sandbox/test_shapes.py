"""The sandbox's answers have the keys and types of Flickr's recorded ones."""

import re
from typing import Any

import requests

from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.sandbox.conftest import Call, query


def shape(value: Any) -> Any:
    """Return the keys and types of an answer; for a list, those of its first entry."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def test_get_info_is_shaped_like_the_answer_of_2024(call: Call, samples: dict[str, Any]) -> None:
    recorded = shape(samples["json/getInfo_2024_swift_fixture.json"]["parsed"])
    ours = shape(call("photos.getInfo", photo_id="5000000001"))
    # The recorded photo has no tags; an older answer has one (authorname came later).
    older = shape(samples["json/flickr_photos_getInfo_0.json"]["parsed"])
    tag = older["photo"]["tags"]["tag"][0] | {"authorname": "str"}
    recorded["photo"]["tags"]["tag"] = [tag]
    assert ours == recorded


def test_original_stands_only_where_it_may_be_downloaded(call: Call) -> None:
    answers = [call("photos.getInfo", photo_id=f"500000000{n}")["photo"] for n in (1, 2, 6)]
    for photo in answers:
        assert ("originalsecret" in photo) == bool(photo["usage"]["candownload"])


def test_search_is_shaped_like_the_recorded_answer(call: Call, samples: dict[str, Any]) -> None:
    for name in ("flickr_photos_search_0", "flickr_people_getPublicPhotos_0"):
        recorded = shape(samples[f"json/{name}.json"]["parsed"])
        recorded["photos"]["total"] = "int"  # This was a string until 2020.
        assert shape(call("photos.search", user_id="11111111@N01")) == recorded
        assert shape(call("people.getPublicPhotos", user_id="11111111@N01")) == recorded


def test_extras_are_shaped_like_a_recorded_page(call: Call, samples: dict[str, Any]) -> None:
    recorded = shape(samples["openverse/flickr_example_photo_list.json"])[0]
    extras = "description,license,date_upload,date_taken,owner_name,tags,o_dims,views"
    extras += ",url_t,url_s,url_m,url_l"
    page = call("photos.search", text="calm sea -storm", extras=extras)
    assert shape(page["photos"]["photo"][0]) == recorded


def test_other_extras_are_named_as_in_the_recorded_page_of_2013(
    call: Call, samples: dict[str, Any]
) -> None:
    recorded = samples["json/flickr_people_getPublicPhotos_1.json"]["parsed"]["photos"]["photo"][0]
    sizes = "url_sq,url_q,url_t,url_s,url_n,url_m,url_z,url_c,url_l,url_h,url_k,url_o"
    extras = f"last_update,machine_tags,media,path_alias,original_format,tags,views,license,{sizes}"
    photo = call("photos.search", text="calm sea -storm", extras=extras)["photos"]["photo"][0]
    assert set(photo) <= set(recorded)
    assert {"url_h", "url_k", "url_o", "pathalias", "media_status", "originalsecret"} <= set(photo)


def test_find_by_username_and_echo(call: Call, samples: dict[str, Any]) -> None:
    recorded = samples["json/flickr_people_findByUsername_0.json"]["parsed"]
    ours = call("people.findByUsername", username="USER11111111")
    assert shape(ours) == shape(recorded)
    assert ours["user"]["nsid"] == "11111111@N01"
    echo = call("test.echo", word="süß/x")
    assert echo["word"] == {"_content": "süß/x"}
    assert shape(echo)["method"] == {"_content": "str"}


def test_sizes_and_licences_say_what_the_recorded_xml_says(
    call: Call, samples: dict[str, Any]
) -> None:
    xml = samples["xml/photos.getSizes_3.xml"]
    recorded = dict(re.findall(r'label="(\w[\w ]*)".*/sizes/(\w+)/"', xml))
    answer = call("photos.getSizes", photo_id="5000000002")["sizes"]
    ours = {size["label"]: size["url"].split("/")[-2] for size in answer["size"]}
    assert recorded.items() <= ours.items()
    assert set(answer) == {"canblog", "canprint", "candownload", "size"}
    attributes = set(re.findall(r' (\w+)="', xml.split("<size ")[1].join(("", " "))))
    assert set(answer["size"][0]) == attributes | {"label"}
    licences = re.findall(
        r'id="(\d+)" name="([^"]*)" url="([^"]*)"', samples["xml/photos.licenses.getInfo_1.xml"]
    )
    rows = call("photos.licenses.getInfo")["licenses"]["license"]
    assert [(str(row["id"]), row["name"], row["url"]) for row in rows] == licences


def test_fail_envelope_and_messages_are_the_recorded_ones(
    call: Call, samples: dict[str, Any]
) -> None:
    name = "raises_a_Flickr_ApiError_with_proper_error_code_and_message_0"
    recorded = samples[f"json/{name}.json"]["parsed"]
    assert call("test.null", api_key="not a key") == recorded
    for sample, ours in (
        ("photos.getInfo_2_2", call("photos.getInfo", photo_id="5000000004")),
        ("photos.getInfo_1_1", call("photos.getInfo", photo_id="35366357641")),
        ("photos.getSizes_1_1", call("photos.getSizes", photo_id="1")),
        ("people.getPublicPhotos_1_2", call("people.getPublicPhotos", user_id="x")),
        ("test.null_99_1", call("test.null")),
    ):
        error = re.search(r'code="(\d+)" msg="([^>]*)" />', samples[f"xml/ERR_{sample}.xml"])
        assert error is not None
        message = error[2].replace("&quot;", '"')
        assert ours == {"stat": "fail", "code": int(error[1]), "message": message}


def test_json_is_escaped_as_flickr_does(server: SandboxServer, http: requests.Session) -> None:
    answer = http.get(
        f"{server.url}/services/rest/", params=query("photos.getInfo", photo_id="5000000001")
    )
    assert answer.headers["Content-Type"] == "application/json"
    assert "\\u00dcber den Wolken \\/ above" in answer.text
    assert "https:\\/\\/www.flickr.com\\/photos\\/11111111@N01\\/5000000001\\/" in answer.text
    assert answer.content.isascii()


def test_jsonp_unless_declined(server: SandboxServer, http: requests.Session) -> None:
    params = query("photos.getInfo", photo_id="1")
    del params["nojsoncallback"]
    plain = http.get(f"{server.url}/services/rest/", params=params).text
    assert plain.startswith('jsonFlickrApi({"stat":"fail"')
    assert plain.endswith("})")
    named = http.get(f"{server.url}/services/rest/", params=params | {"jsoncallback": "done"}).text
    assert named.startswith("done({")
