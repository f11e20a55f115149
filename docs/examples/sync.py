"""Without await: the same calls in a script or a notebook."""

from poya.csm.sync import connect
from poya.site_config import configured

with connect(configured("alps")) as site:
    for image in site.ims.images.list():
        print(image.id, image.name)
