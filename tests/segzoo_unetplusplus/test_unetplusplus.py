from synthetic import synthetic

import segzoo


def test_a_row_without_a_skip_has_all_its_nodes_as_wide_as_u_net_s():
    decoder = segzoo.create_model(synthetic("mit"), "unetplusplus", classes=3).decoder
    stride_2 = decoder.rows[-1]
    assert [node.refine.conv.out_channels for node in stride_2] == [32, 32, 32, 32]


def test_every_row_has_a_node_more_than_the_one_below():
    decoder = segzoo.create_model(synthetic("resnet"), "unetplusplus", classes=3).decoder
    assert [len(nodes) for nodes in decoder.rows] == [1, 2, 3, 4]
