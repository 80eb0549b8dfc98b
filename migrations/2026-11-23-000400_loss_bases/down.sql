DROP TABLE loss_bases;
