"""A sight glass beside a graduated plate: the scale, the tube, and what the meniscus does to light."""
