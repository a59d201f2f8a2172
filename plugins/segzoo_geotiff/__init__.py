"""Windows of large rasters, with any number of bands."""

import segzoo


@segzoo.hookimpl
def segzoo_datasets() -> list[segzoo.DatasetSpec]:
    return [
        segzoo.DatasetSpec(
            name="geotiff",
            target="segzoo_geotiff.dataset:GeoTiffDataset",
            summary="Windows of large rasters, with any number of bands",
            license="Apache-2.0",
        )
    ]
