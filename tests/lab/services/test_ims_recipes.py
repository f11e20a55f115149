# SPDX-License-Identifier: Apache-2.0
"""IMS 3.33: recipes are linked once, put aside and brought back, as images are."""

from __future__ import annotations

from lab.services.fakes import Lab

RECIPES, DELETED = "/apis/ims/v3/recipes", "/apis/ims/v3/deleted/recipes"
BODY = {"name": "r", "recipe_type": "kiwi-ng", "linux_distribution": "sles15"}


async def made(lab: Lab) -> str:
    lab.objects.place("recipes/r/recipe.tar.gz", b"tar", bucket="ims")
    recipe = await lab.json("POST", RECIPES, BODY)
    link = {"path": "s3://ims/recipes/r/recipe.tar.gz", "etag": "e", "type": "s3"}
    linked = await lab.json("PATCH", f"{RECIPES}/{recipe['id']}", {"link": link})
    assert linked["link"] == link
    return str(recipe["id"])


async def test_a_recipe_is_linked_once(csm17: Lab) -> None:
    """IMS 3.33, PATCH /v3/recipes/{id}: the same link again 200, another 409, no object 422."""
    recipe_id = await made(csm17)
    path = f"{RECIPES}/{recipe_id}"
    same = {"path": "s3://ims/recipes/r/recipe.tar.gz", "etag": "e", "type": "s3"}
    assert (await csm17.call("PATCH", path, {"link": same})).status_code == 200
    other = same | {"etag": "f"}
    assert (await csm17.call("PATCH", path, {"link": other})).status_code == 409
    bare = await csm17.json("POST", RECIPES, BODY | {"name": "s"})
    nothing = {"path": "s3://ims/none", "etag": "e", "type": "s3"}
    refused = await csm17.call("PATCH", f"{RECIPES}/{bare['id']}", {"link": nothing})
    assert refused.status_code == 422
    assert (await csm17.call("PATCH", path, {"name": "t"})).status_code == 422


async def test_a_recipe_is_put_aside_and_comes_back(csm17: Lab) -> None:
    """IMS 3.33: DELETE moves its object below deleted/; undelete brings both back: 204."""
    recipe_id = await made(csm17)
    assert (await csm17.call("DELETE", f"{RECIPES}/{recipe_id}")).status_code == 204
    assert (await csm17.call("GET", f"{RECIPES}/{recipe_id}")).status_code == 404
    aside = await csm17.json("GET", f"{DELETED}/{recipe_id}")
    assert aside["link"]["path"] == "s3://ims/deleted/recipes/r/recipe.tar.gz"
    back = await csm17.call("PATCH", f"{DELETED}/{recipe_id}", {"operation": "undelete"})
    assert back.status_code == 204
    recipe = await csm17.json("GET", f"{RECIPES}/{recipe_id}")
    assert recipe["link"]["path"] == "s3://ims/recipes/r/recipe.tar.gz"
    assert await csm17.json("GET", DELETED) == []


async def test_a_recipe_is_deleted_for_good(csm17: Lab) -> None:
    """IMS 3.33: DELETE of a deleted recipe takes its object, too; v2 does so at once."""
    recipe_id = await made(csm17)
    await csm17.call("DELETE", f"{RECIPES}/{recipe_id}")
    assert (await csm17.call("DELETE", f"{DELETED}/{recipe_id}")).status_code == 204
    assert ("ims", "deleted/recipes/r/recipe.tar.gz") not in csm17.objects.bodies
    again = await made(csm17)
    assert (await csm17.call("DELETE", f"/apis/ims/v2/recipes/{again}")).status_code == 204
    assert await csm17.json("GET", DELETED) == []


async def test_public_keys_are_put_aside_too(csm17: Lab) -> None:
    """IMS 3.33: /v3/deleted/public-keys."""
    key = await csm17.json("POST", "/apis/ims/v3/public-keys", {"name": "k", "public_key": "p"})
    assert (await csm17.call("DELETE", "/apis/ims/v3/public-keys")).status_code == 204
    aside = await csm17.json("GET", "/apis/ims/v3/deleted/public-keys")
    assert [one["id"] for one in aside] == [key["id"]]
    undelete = {"operation": "undelete"}
    back = await csm17.call("PATCH", "/apis/ims/v3/deleted/public-keys", undelete)
    assert back.status_code == 204
    assert len(await csm17.json("GET", "/apis/ims/v3/public-keys")) == 1
