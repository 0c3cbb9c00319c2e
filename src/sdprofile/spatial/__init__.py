"""What sdprofile knows of SpatialData: its functions and elements, and the names a cell uses."""
